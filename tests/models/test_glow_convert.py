"""Weights of two public layouts, converted, give the densities and pictures of the original.

The layout glow-pytorch is written here anew from its description (names of tensors, formulas, borders of ones); for
normflows the package itself is the original.
"""

import json
import math
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from latentstudio.cli.main import run_command
from latentstudio.errors import UserError
from latentstudio.models import checkpoint
from latentstudio.models.glow_convert import convert_glow, read_foreign_tensors

EDGE, LEVELS, STEPS, WIDTH, BITS = 16, 3, 2, 12, 5


class Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.register_buffer("initialized", torch.tensor(1, dtype=torch.uint8))


class FullConv(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0][:, :, None, None])

    def matrix(self):
        return self.weight[:, :, 0, 0]


class LuConv(nn.Module):
    def __init__(self, channels):
        super().__init__()
        p, lower, upper = torch.linalg.lu(torch.linalg.qr(torch.randn(channels, channels))[0])
        self.register_buffer("w_p", p)
        self.register_buffer("u_mask", torch.ones(channels, channels).triu(1))
        self.register_buffer("l_mask", torch.ones(channels, channels).tril(-1))
        self.register_buffer("s_sign", upper.diagonal().sign())
        self.register_buffer("l_eye", torch.eye(channels))
        # What the masks hide is not zero here, to see that it is left out.
        self.w_l = nn.Parameter(lower + torch.ones(channels, channels).triu(1))
        self.w_s = nn.Parameter(upper.diagonal().abs().log())
        self.w_u = nn.Parameter(upper)

    def matrix(self):
        lower = self.w_l * self.l_mask + self.l_eye
        return self.w_p @ lower @ (self.w_u * self.u_mask + torch.diag(self.s_sign * self.w_s.exp()))


class LastConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)
        self.scale = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, x):
        return self.conv(functional.pad(x, [1, 1, 1, 1], value=1)) * torch.exp(self.scale * 3)


class Coupling(nn.Module):
    def __init__(self, channels, affine):
        super().__init__()
        last = LastConv(WIDTH, channels if affine else channels // 2)
        first = nn.Conv2d(channels // 2, WIDTH, 3, padding=1)
        self.net = nn.Sequential(first, nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(), last)


class Flow(nn.Module):
    def __init__(self, channels, affine, lu):
        super().__init__()
        self.actnorm, self.invconv = Norm(channels), (LuConv if lu else FullConv)(channels)
        self.coupling = Coupling(channels, affine)
        self.affine = affine

    def forward(self, x):
        pixels = x.shape[2] * x.shape[3]
        x = self.actnorm.scale * (x + self.actnorm.loc)
        matrix = self.invconv.matrix()
        log_det = pixels * (self.actnorm.scale.abs().log().sum() + torch.linalg.slogdet(matrix)[1])
        a, b = functional.conv2d(x, matrix[:, :, None, None]).chunk(2, 1)
        out = self.coupling.net(a)
        if not self.affine:
            return torch.cat([a, b + out], 1), log_det
        log_s, t = out.chunk(2, 1)
        s = torch.sigmoid(log_s + 2)
        return torch.cat([a, (b + t) * s], 1), log_det + s.log().sum((1, 2, 3))


class Block(nn.Module):
    def __init__(self, channels, split, affine, lu):
        super().__init__()
        self.flows = nn.ModuleList(Flow(channels * 4, affine, lu) for _ in range(STEPS))
        self.prior = LastConv(channels * 2, channels * 4) if split else LastConv(channels * 4, channels * 8)
        self.split = split


class GlowPytorch(nn.Module):
    def __init__(self, channels=3, affine=True, lu=True):
        super().__init__()
        self.blocks = nn.ModuleList(Block(channels * 2**k, k < LEVELS - 1, affine, lu) for k in range(LEVELS))

    def forward(self, v):
        """Return log-densities of v and the standardised noise of each block."""
        total, noises = 0, []
        for block in self.blocks:
            n, c, h, w = v.shape
            v = v.view(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(n, c * 4, h // 2, w // 2)
            for flow in block.flows:
                v, log_det = flow(v)
                total = total + log_det
            kept, z = v.chunk(2, 1) if block.split else (torch.zeros_like(v), v)
            mean, log_sd = block.prior(kept).chunk(2, 1)
            eps = (z - mean) / log_sd.exp()
            total = total - (0.5 * math.log(2 * math.pi) + log_sd + 0.5 * eps**2).sum((1, 2, 3))
            noises.append(eps.flatten(1))
            v = kept
        return total, torch.cat(noises, 1)


def stir(module, amount=0.03, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(amount * torch.randn(parameter.shape, generator=generator))
    return module.eval()


@pytest.fixture(autouse=True)
def _seeded():
    """The originals draw from the global random state."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    yield
    torch.set_rng_state(state)


def images_of(channels, count=5):
    return torch.rand(count, channels, EDGE, EDGE, generator=torch.Generator().manual_seed(7)) * 2 - 1


def constant(model):
    return model.space.size * BITS * math.log(2)


@pytest.mark.parametrize("lu", [True, False], ids=["lu", "full"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "additive"])
@pytest.mark.parametrize("channels", [1, 3])
def test_glow_pytorch_is_converted(channels, affine, lu):
    original = stir(GlowPytorch(channels, affine, lu))
    # Trained scales may be negative; the first channel's is here.
    with torch.no_grad():
        original.blocks[0].flows[0].actnorm.scale[0, 0] = -1.3
    model, layout = convert_glow(original.state_dict(), "w.pt", EDGE, BITS)
    assert layout == "glow-pytorch"
    assert model.config()["coupling"] == ("affine" if affine else "additive")
    images = images_of(channels)
    with torch.inference_mode():
        log_prob, noise = original(images * (127.5 / 256))
        torch.testing.assert_close(model.encode(images), noise, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(model.log_prob(images) + constant(model), log_prob.double(), atol=0, rtol=1e-6)
        assert (model.decode(noise) - images).abs().max() < 1e-4


def multiscale(base, scale, lu, net_actnorm):
    nf = pytest.importorskip("normflows", reason="normflows, an independent implementation, is not installed")
    q0, flows, merges = [], [], []
    for i in range(LEVELS):
        blocks = [
            nf.flows.GlowBlock(3 * 2 ** (LEVELS + 1 - i), WIDTH, scale=scale, use_lu=lu, net_actnorm=net_actnorm)
            for _ in range(STEPS)
        ]
        flows.append([*blocks, nf.flows.Squeeze()])
        edge = EDGE >> (LEVELS - i)
        shape = (3 * 2 ** (LEVELS + 1 - i) // (2 if i else 1), EDGE >> LEVELS if not i else edge, edge)
        q0.append(nf.distributions.DiagGaussian(shape) if base == "pixel" else nf.distributions.GlowBase(shape))
        if i:
            merges.append(nf.flows.Merge())
    model = nf.MultiscaleFlow(q0, flows, merges, class_cond=False)
    model.eval()
    for module in model.modules():
        if hasattr(module, "data_dep_init_done"):
            module.data_dep_init_done.fill_(1.0)
    return stir(model)


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
@pytest.mark.parametrize(
    ("base", "scale", "lu", "net_actnorm"),
    [
        ("pixel", True, True, False),
        ("channel", True, False, False),
        ("pixel", False, True, False),
        ("pixel", True, True, True),
    ],
)
def test_normflows_is_converted(base, scale, lu, net_actnorm):
    original = multiscale(base, scale, lu, net_actnorm)
    model, layout = convert_glow(original.state_dict(), "w.pt", EDGE, BITS)
    assert layout == "normflows"
    images = images_of(3)
    with torch.inference_mode():
        v = images * (127.5 / 256)
        expected = original.log_prob(v, None)
        torch.testing.assert_close(model.log_prob(images) + constant(model), expected.double(), atol=0, rtol=1e-6)
        parts, _ = original.inverse_and_log_det(v)
        noises = []
        for z, q in zip(parts, original.q0, strict=True):
            mean, log_sd = q.loc, q.log_scale
            if base == "channel":
                mean, log_sd = mean * torch.exp(3 * q.loc_logs), log_sd * torch.exp(3 * q.log_scale_logs)
            noises.insert(0, ((z - mean) * torch.exp(-log_sd)).flatten(1))
        noise = torch.cat(noises, 1)
        torch.testing.assert_close(model.encode(images), noise, atol=1e-4, rtol=1e-4)
        assert (model.decode(noise) - images).abs().max() < 1e-4


# -- the command


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "step": torch.tensor(3)}])
def test_command_makes_a_model_folder(tmp_path, capsys, wrap):
    original = stir(GlowPytorch())
    state = {f"module.{name}": tensor for name, tensor in original.state_dict().items()}
    torch.save(wrap(state), tmp_path / "w.pt")
    folder = tmp_path / "made"
    command = ["convert", str(tmp_path / "w.pt"), "-o", str(folder), "--size", str(EDGE), "--title", "Theirs", "--json"]
    assert run_command(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["layout"] == "glow-pytorch"
    assert said["round_trip"] < 1e-3
    assert len(said["sha256"]) == 64
    assert "Converted from `w.pt`" in (folder / "card.md").read_text()
    model = checkpoint.load(folder)
    with torch.inference_mode():
        _, noise = original(images_of(3) * (127.5 / 256))
        torch.testing.assert_close(model.encode(images_of(3)), noise, atol=1e-4, rtol=1e-4)
    with pytest.raises(UserError, match="already holds a model"):
        run_command(command)
    assert run_command(["check-model", str(folder)]) == 0


def test_safetensors_are_read_too(tmp_path):
    save_file({k: v.contiguous() for k, v in GlowPytorch().state_dict().items()}, tmp_path / "w.safetensors")
    assert "blocks.0.flows.0.actnorm.loc" in read_foreign_tensors(tmp_path / "w.safetensors")


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickled_code_is_not_executed(tmp_path):
    trap = tmp_path / "trap"
    torch.save({"weights": _Bomb(trap)}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"w\.pt holds more than tensors"):
        read_foreign_tensors(tmp_path / "w.pt")
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(_Bomb(trap)))
    with pytest.raises(UserError, match=r"raw\.pt"):
        read_foreign_tensors(tmp_path / "raw.pt")
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"PK\x03\x04 broken zip"])
def test_broken_files_are_refused(tmp_path, content):
    for name in ("w.pt", "w.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="w\\."):
            read_foreign_tensors(tmp_path / name)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.pt cannot be read"):
        read_foreign_tensors(tmp_path / "none.pt")


def without(name):
    def change(state):
        del state[name]

    return change


@pytest.mark.parametrize(
    ("change", "size", "sentence"),
    [
        (lambda s: s.clear(), EDGE, "in no layout that is known; glow-pytorch and normflows are"),
        (without("blocks.1.flows.0.coupling.net.2.bias"), EDGE, r"lacks the tensor 'blocks\.1\.flows\.0\.coupling"),
        (lambda s: s["blocks.0.flows.0.invconv.w_s"].fill_(-200), EDGE, "singular"),
        (lambda s: s.update({"blocks.0.flows.1.coupling.net.0.weight": torch.zeros(3, 6, 3, 3)}), EDGE, "do not fit"),
        (lambda s: None, 12, "that 8 divides; the images are 12 x 12"),
    ],
    ids=["empty", "missing", "singular", "shape", "size"],
)
def test_faulty_weights_are_refused(change, size, sentence):
    state = dict(stir(GlowPytorch()).state_dict())
    change(state)
    with pytest.raises(UserError, match=sentence):
        convert_glow(state, "w.pt", size, BITS)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    torch.save({"a": torch.tensor([1.0, math.nan])}, tmp_path / "w.pt")
    with pytest.raises(UserError, match="NaN or infinite values in 'a'"):
        read_foreign_tensors(tmp_path / "w.pt")


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_models_with_classes_are_refused():
    nf = pytest.importorskip("normflows", reason="normflows, an independent implementation, is not installed")
    q0 = [nf.distributions.GlowBase((12, 4, 4), num_classes=2)]
    flows = [[nf.flows.GlowBlock(12, 4), nf.flows.Squeeze()]]
    state = nf.MultiscaleFlow(q0, flows, []).state_dict()
    with pytest.raises(UserError, match="one prior for each class"):
        convert_glow(state, "w.pt", 8, BITS)
