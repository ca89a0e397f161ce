"""Glow in the structure of the public PyTorch implementations: the rival that the fused path is measured against.

Own code, laid out as rosinality/glow-pytorch, chaiyujin/glow-pytorch and the `GlowBlock` of normflows are: a module for
each operation, pictures channels-first, a weight of the 1x1 convolution that is assembled from its triangular factors
and inverted at every call, `torch.chunk` and `torch.cat` around every coupling, squeezes by view and permute, and
log-determinants as a by-product of every module towards noise. It takes the weights of a `GlowFlow`.

The two public ways of normalising inside a coupling network are both here: a module of its own after each convolution
(chaiyujin, as in the authors' TensorFlow code), and none, where the convolution has a bias (rosinality, normflows); the
second gets weights into which the normalisation has been multiplied beforehand, and has less to do. Limits of scales
are left out, as they are in public; the weights of the bench do not reach them.
"""

import torch
from torch import nn
from torch.nn import functional

from latentstudio.nn.glow_prior import ConditionalPrior, FixedPrior


class ActNorm(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.loc = nn.Parameter(-norm.shift.detach()[None, :, None, None])
        self.scale = nn.Parameter((-norm.log_scale.detach()).exp()[None, :, None, None])

    def forward(self, x):
        _, _, height, width = x.shape
        log_det = height * width * torch.sum(torch.log(torch.abs(self.scale)))
        return self.scale * (x + self.loc), log_det

    def reverse(self, z):
        return z / self.scale - self.loc


class InvConv2dLU(nn.Module):
    def __init__(self, conv):
        super().__init__()
        size = len(conv.lower)
        self.register_buffer("w_p", torch.eye(size)[conv.permutation])
        self.register_buffer("u_mask", torch.triu(torch.ones(size, size), 1))
        self.register_buffer("l_mask", torch.tril(torch.ones(size, size), -1))
        self.register_buffer("l_eye", torch.eye(size))
        self.register_buffer("s_sign", conv.sign.clone())
        self.w_l = nn.Parameter(conv.lower.detach().clone())
        self.w_u = nn.Parameter(conv.upper.detach().clone())
        self.w_s = nn.Parameter(conv.log_scale.detach().clone())

    def calc_weight(self):
        upper = self.w_u * self.u_mask + torch.diag(self.s_sign * torch.exp(self.w_s))
        return (self.w_p @ (self.w_l * self.l_mask + self.l_eye) @ upper)[:, :, None, None]

    def forward(self, x):
        _, _, height, width = x.shape
        return functional.conv2d(x, self.calc_weight()), height * width * torch.sum(self.w_s)

    def reverse(self, z):
        return functional.conv2d(z, self.calc_weight().squeeze().inverse()[:, :, None, None])


class ZeroConv2d(nn.Module):
    def __init__(self, conv):
        super().__init__()
        outputs, inputs = conv.conv.weight.shape[:2]
        self.ones = conv.edge == "ones"
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=0 if self.ones else 1)
        self.conv.load_state_dict(conv.conv.state_dict())
        self.scale = nn.Parameter(conv.log_scale.detach()[None, :, None, None].clone())

    def forward(self, x):
        if self.ones:
            x = functional.pad(x, [1, 1, 1, 1], value=1)
        return self.conv(x) * torch.exp(self.scale * 3)


class NormedConv2d(nn.Module):
    """A convolution without bias and the normalisation after it, each a module."""

    def __init__(self, conv, norm):
        super().__init__()
        self.conv = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding, bias=False)
        self.conv.load_state_dict(conv.state_dict())
        self.loc = nn.Parameter(-norm.shift.detach()[None, :, None, None])
        self.logs = nn.Parameter(-norm.log_scale.detach()[None, :, None, None])

    def forward(self, x):
        return (self.conv(x) + self.loc) * torch.exp(self.logs)


def biased_conv2d(conv, norm):
    """Return one convolution with bias that gives the same."""
    scale = (-norm.log_scale.detach()).exp()
    one = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding)
    with torch.no_grad():
        one.weight.copy_(conv.weight * scale[:, None, None, None])
        one.bias.copy_(-norm.shift * scale)
    return one


class Coupling(nn.Module):
    def __init__(self, coupling, inner_norm):
        super().__init__()
        net, normed = coupling.net, NormedConv2d if inner_norm else biased_conv2d
        self.affine = coupling.coupling == "affine"
        self.net = nn.Sequential(
            normed(net.first, net.first_norm),
            nn.ReLU(inplace=True),
            normed(net.middle, net.middle_norm),
            nn.ReLU(inplace=True),
            ZeroConv2d(net.last),
        )

    def forward(self, x):
        in_a, in_b = x.chunk(2, 1)
        if not self.affine:
            return torch.cat([in_a, in_b + self.net(in_a)], 1), None
        log_s, t = self.net(in_a).chunk(2, 1)
        s = torch.sigmoid(log_s + 2)
        return torch.cat([in_a, (in_b + t) * s], 1), torch.sum(torch.log(s).view(x.shape[0], -1), 1)

    def reverse(self, z):
        out_a, out_b = z.chunk(2, 1)
        if not self.affine:
            return torch.cat([out_a, out_b - self.net(out_a)], 1)
        log_s, t = self.net(out_a).chunk(2, 1)
        s = torch.sigmoid(log_s + 2)
        return torch.cat([out_a, out_b / s - t], 1)


class Flow(nn.Module):
    def __init__(self, step, inner_norm):
        super().__init__()
        self.actnorm = ActNorm(step.norm)
        self.invconv = InvConv2dLU(step.conv)
        self.coupling = Coupling(step.coupling, inner_norm)

    def forward(self, x):
        x, log_det = self.actnorm(x)
        x, by_conv = self.invconv(x)
        x, by_coupling = self.coupling(x)
        log_det = log_det + by_conv
        return x, log_det if by_coupling is None else log_det + by_coupling

    def reverse(self, z):
        return self.actnorm.reverse(self.invconv.reverse(self.coupling.reverse(z)))


class FixedZeroConv2d(nn.Module):
    """The prior of the top: what the public convolution makes of a picture of zeros, its bias."""

    def __init__(self, prior):
        super().__init__()
        self.values = nn.Parameter(torch.cat([prior.mean, prior.log_sd]).detach()[None].clone())

    def forward(self, x):
        return self.values.expand(len(x), -1, *x.shape[2:])


class Block(nn.Module):
    def __init__(self, level, inner_norm):
        super().__init__()
        self.split = not level.is_top
        self.flows = nn.ModuleList(Flow(step, inner_norm) for step in level.flow_steps())
        prior = level.typed_prior()
        if isinstance(prior, ConditionalPrior):
            self.prior = ZeroConv2d(prior.conv)
        else:
            assert isinstance(prior, FixedPrior)
            self.prior = FixedZeroConv2d(prior)

    def forward(self, x):
        count, channels, height, width = x.shape
        x = x.view(count, channels, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4)
        x = x.contiguous().view(count, channels * 4, height // 2, width // 2)
        log_det = 0
        for flow in self.flows:
            x, by_flow = flow(x)
            log_det = log_det + by_flow
        x, z = x.chunk(2, 1) if self.split else (x, x)
        mean, log_sd = self.prior(x).chunk(2, 1)
        log_p = -0.5 * (z - mean) ** 2 / torch.exp(2 * log_sd) - log_sd - 0.9189385332046727
        return x, log_det, torch.sum(log_p.reshape(count, -1), 1), (z - mean) / torch.exp(log_sd)

    def reverse(self, x, eps):
        if self.split:
            mean, log_sd = self.prior(x).chunk(2, 1)
            x = torch.cat([x, mean + torch.exp(log_sd) * eps], 1)
        else:
            mean, log_sd = self.prior(torch.zeros_like(eps)).chunk(2, 1)
            x = mean + torch.exp(log_sd) * eps
        for flow in reversed(self.flows):
            x = flow.reverse(x)
        count, channels, height, width = x.shape
        x = x.view(count, channels // 4, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
        return x.contiguous().view(count, channels // 4, height * 2, width * 2)


class PublicGlow(nn.Module):
    """The rival.

    Parameters
    ----------
    flow : the trained flow.
    inner_norm : normalise inside the coupling networks by modules of their own.
    """

    def __init__(self, flow, inner_norm=True):
        super().__init__()
        self.shapes = [flow.shape.noise_shape(k) for k in range(flow.shape.levels)]
        self.sizes = [stop - start for start, stop in flow.parts().values()]
        self.blocks = nn.ModuleList(Block(level, inner_norm) for level in flow.flow_levels())

    def forward(self, x):
        """Map pictures (N, C, H, W) to codes (N, D) and log-densities (N,) in nats."""
        log_prob, codes = 0, []
        for block in self.blocks:
            x, log_det, log_p, eps = block(x)
            log_prob = log_prob + log_det + log_p
            codes.append(eps.flatten(1))
        return torch.cat(codes, 1), log_prob

    def reverse(self, codes):
        """Map codes (N, D) to pictures (N, C, H, W)."""
        x = None
        for block, eps, shape in reversed(list(zip(self.blocks, codes.split(self.sizes, 1), self.shapes, strict=True))):
            x = block.reverse(x, eps.reshape(-1, *shape))
        return x
