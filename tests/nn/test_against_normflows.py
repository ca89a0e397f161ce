"""The same weights in the package normflows give the same densities and samples."""

import pytest
import torch

from latentstudio.models import checkpoint
from latentstudio.nn.realnvp import RealNvp
from latentstudio.paths import bundled

nf = pytest.importorskip("normflows", reason="normflows, an independent implementation, is not installed")


def as_normflows(flow: RealNvp, bound: float):
    """Copy a flow into normflows, whose networks see the whole vector with zeros where the mask hides it."""
    layers = []
    for coupling, norm in flow.steps():
        kept, active = slice(coupling.parity, None, 2), slice(1 - coupling.parity, None, 2)
        hidden = coupling.scale_net.first.out_features
        mask = torch.zeros(flow.size)
        mask[kept] = 1
        nets = []
        for own, options in (
            (coupling.shift_net, {}),
            (coupling.scale_net, {"output_fn": "tanh", "output_scale": bound}),
        ):
            net = nf.nets.MLP([flow.size, hidden, flow.size], init_zeros=True, **options)
            first, last = net.net[0], net.net[2]
            with torch.no_grad():
                first.weight.zero_()
                first.weight[:, kept] = own.first.weight.float()
                first.bias.copy_(own.first.bias)
                last.weight[active] = own.last.weight.float()
                last.bias[active] = own.last.bias.float()
            nets.append(net)
        their_norm = nf.flows.ActNorm(flow.size)
        with torch.no_grad():
            their_norm.s.copy_(norm.log_scale[None])
            their_norm.t.copy_(norm.shift[None])
            their_norm.data_dep_init_done.fill_(1.0)
        layers += [nf.flows.MaskedAffineFlow(mask, *nets), their_norm]
    return nf.NormalizingFlow(nf.distributions.DiagGaussian(flow.size, trainable=False), layers).eval()


@pytest.fixture(scope="module")
def pair():
    # A power of two, since normflows rounds the bound to float32 even in a double model.
    bound = 0.5
    flow = RealNvp(64, 14, 128, bound)
    random = torch.Generator().manual_seed(0)
    flow.reset(random)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=random))
    return flow.eval(), as_normflows(flow, bound)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_log_density_agrees(pair, dtype, tolerance):
    flow, theirs = pair[0].to(dtype), pair[1].to(dtype)
    x = torch.randn(50, 64, generator=torch.Generator().manual_seed(1), dtype=dtype)
    with torch.no_grad():
        expected = theirs.log_prob(x)
        assert (flow.log_prob(x) - expected).abs().max() < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_samples_agree(pair, dtype, tolerance):
    flow, theirs = pair[0].to(dtype), pair[1].to(dtype)
    z = torch.randn(50, 64, generator=torch.Generator().manual_seed(2), dtype=dtype)
    with torch.no_grad():
        expected = theirs.forward(z)
        assert (flow.to_data(z)[0] - expected).abs().max() < tolerance
        assert (flow.to_noise(z)[0] - theirs.inverse(z)).abs().max() < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize("name", ["olivetti-realnvp", "olivetti-realnvp-regularised", "faces-realnvp"])
def test_bundled_weights_agree(name, dtype, tolerance):
    flow = checkpoint.load(bundled("models", name)).flow
    theirs = as_normflows(flow, 0.5).to(dtype)
    flow = flow.to(dtype)
    z = torch.randn(20, flow.size, generator=torch.Generator().manual_seed(3), dtype=dtype)
    with torch.no_grad():
        x = theirs.forward(z)
        assert (flow.to_data(z)[0] - x).abs().max() < tolerance
        assert (flow.log_prob(x) - theirs.log_prob(x)).abs().max() < tolerance
