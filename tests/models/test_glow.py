"""The family glow: pixel scale, bits per dimension, round trips, faults of configuration."""

import copy
import math

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentstudio.errors import UserError
from latentstudio.models import checkpoint
from latentstudio.models.glow import Glow
from latentstudio.models.glow_config import GlowConfig, GlowObjective
from latentstudio.nn.image_actnorm import ImageActNorm
from latentstudio.nn.noise import Noise

SMALL = {"image_shape": [3, 16, 16], "levels": 2, "steps": 3, "width": 16}


def pictures(count, shape=(3, 16, 16), seed=0):
    """Draw pictures on the grid of 8 bits, smooth enough to be worth learning."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, shape[0], 3, 3, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=shape[1:], mode="bilinear", align_corners=True)
    return (smooth * 255).round() / 127.5 - 1


def trained(coupling="affine", n_bits=5, steps=40):
    """Train a small model for a moment, by our own loss and a plain optimiser."""
    model = Glow.from_config({**SMALL, "coupling": coupling, "n_bits": n_bits})
    generator = torch.Generator().manual_seed(0)
    model.reset(generator)
    images = pictures(256)
    model.initialise(images)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    model.train()
    for step in range(steps):
        loss = model.loss(images[(step * 32) % 224 :][:32], GlowObjective(dequantise=True), Noise(generator))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return model.eval().requires_grad_(False), losses


@pytest.fixture(scope="module", params=["affine", "additive"])
def model(request):
    return trained(request.param)[0]


# -- round trips


@pytest.mark.parametrize("plain", [False, True], ids=["fused", "plain"])
def test_held_out_images_come_back(model, plain):
    images = pictures(20, seed=9)
    with torch.enable_grad() if plain else torch.inference_mode():
        assert (model.decode(model.encode(images)) - images).abs().max() < 1e-4


@pytest.mark.parametrize("plain", [False, True], ids=["fused", "plain"])
def test_codes_of_pure_samples_come_back(model, plain):
    codes = model.space.prior.sample(list(range(8)), model.space.size)
    with torch.enable_grad() if plain else torch.inference_mode():
        assert (model.encode(model.decode(codes)) - codes).abs().max() < 1e-4


@pytest.mark.parametrize("plain", [False, True], ids=["fused", "plain"])
def test_codes_at_five_sigma_come_back(model, plain):
    """As pictures within 1e-4; as codes within 1e-4 of their norm.

    A float32 picture holds noise of a tiny standard deviation with fewer digits: the picture is the limit, not the
    arithmetic, as float64 shows.
    """
    codes = 5 * model.space.prior.sample(list(range(8)), model.space.size)
    with torch.enable_grad() if plain else torch.inference_mode():
        images = model.decode(codes)
        again = model.encode(images)
        assert torch.isfinite(images).all()
        assert (model.decode(again) - images).abs().max() < 1e-4
        assert ((again - codes).norm(dim=1) / codes.norm(dim=1)).max() < 1e-4


def test_codes_at_five_sigma_come_back_exactly_in_float64(model):
    double = copy.deepcopy(model).double()
    codes = 5 * model.space.prior.sample([0, 1], model.space.size).double()
    assert (double.encode(double.decode(codes)) - codes).abs().max() < 1e-9


@pytest.mark.parametrize("level", [0, 1])
def test_a_part_of_the_code_changes_only_its_level_and_below(model, level):
    """What is split off at the first level has no say in the second."""
    codes = torch.zeros(1, model.space.size)
    changed = codes.clone()
    changed[:, slice(*model.space.parts[f"level_{level + 1}"])] = 1
    with torch.inference_mode():
        images = model.decode(torch.cat([codes, changed]))
        again = model.encode(images)
    assert not torch.equal(images[0], images[1])
    other = model.space.parts[f"level_{2 - level}"]
    torch.testing.assert_close(again[1, slice(*other)], codes[0, slice(*other)], atol=1e-4, rtol=0)


# -- densities


def test_pixel_values_sit_in_the_middle_of_their_bins():
    """An untrained additive flow without 1x1 rotations only moves the values, so its codes show the scale of pixels."""
    model = Glow.from_config({**SMALL, "coupling": "additive", "top_prior": "none", "split_prior": "none"}).eval()
    values = torch.tensor([0.0, 1.0, 128.0, 255.0])
    images = (values / 127.5 - 1)[:, None, None, None].expand(4, 3, 16, 16)
    expected = ((values + 0.5) / 256 - 0.5)[:, None].expand(4, model.space.size)
    torch.testing.assert_close(model.encode(images), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("n_bits", [1, 5, 8])
def test_dequantised_values_lie_in_the_bin_of_the_scale(n_bits):
    model = Glow.from_config({**SMALL, "n_bits": n_bits, "coupling": "additive", "split_prior": "none"}).eval()
    images = pictures(3)
    v = model.dequantised_codes(images, torch.Generator().manual_seed(0)).sort(1)[0]
    bins = (((images + 1) * 127.5).round().flatten(1).sort(1)[0] / 2 ** (8 - n_bits)).floor()
    assert torch.equal(((v + 0.5) * 2**n_bits + 1e-4).floor().clamp(max=2**n_bits - 1), bins) or (
        ((v + 0.5) * 2**n_bits - bins).min() >= -1e-4 and ((v + 0.5) * 2**n_bits - bins).max() <= 1 + 1e-4
    )
    assert ((v + 0.5) * 2**n_bits - bins).std() > 0.2


@pytest.mark.parametrize("n_bits", [5, 8])
def test_bits_per_dimension_follow_from_the_density(n_bits):
    model, _ = trained(n_bits=n_bits, steps=1)
    images = pictures(4)
    with torch.inference_mode():
        noise, log_det = model.flow.to_noise(images * (127.5 / 256))
        density = -0.5 * (noise.double() ** 2 + math.log(2 * math.pi)).sum(1) + log_det
        size = model.space.size
        expected = -(density - size * math.log(2**n_bits)) / (size * math.log(2))
        torch.testing.assert_close(model.bits_per_dimension(model.log_prob(images)), expected, atol=1e-6, rtol=1e-6)


def test_noise_of_eight_bits_takes_at_least_eight():
    """No model of discrete values can beat the entropy of uniform noise on average."""
    model, _ = trained(n_bits=8, steps=20)
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (64, 3, 16, 16), generator=generator) / 127.5 - 1
    with torch.inference_mode():
        bits = model.bits_per_dimension(model.dequantised_log_prob(images, generator))
    assert torch.isfinite(bits).all()
    assert bits.mean() > 8


def test_training_lowers_the_loss_and_generalises():
    model, losses = trained(steps=60)
    assert sum(losses[-5:]) < sum(losses[:5]) - 5 * 500
    with torch.inference_mode():
        held_out = -model.dequantised_log_prob(pictures(64, seed=5), torch.Generator().manual_seed(0)).mean()
    assert held_out.item() == pytest.approx(sum(losses[-5:]) / 5, rel=0.1)


def test_densities_of_far_pictures_are_finite(model):
    """Where float32 overflows, float64 decides."""
    images = torch.full((3, 3, 16, 16), 1e25)
    images[0] = 0
    images[1] = 100 * pictures(1)[0]
    with torch.inference_mode():
        values = model.log_prob(images)
    assert torch.isfinite(values).all()
    assert values[0] > values[1] > values[2]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_pixels_that_are_no_numbers_are_refused(value):
    model = Glow.tiny()
    images = torch.zeros(2, 3, 8, 8)
    images[1, 0, 3, 3] = value
    for call in (model.encode, model.log_prob, model.training_inputs):
        with pytest.raises(UserError, match="NaN or infinite"):
            call(images)


def test_grey_pictures_do_not_fit_a_colour_model():
    with pytest.raises(UserError, match=r"\(1, 8, 8\) do not fit; \(3, 8, 8\) is expected"):
        Glow.tiny().encode(torch.zeros(2, 1, 8, 8))
    with pytest.raises(UserError, match=r"\(2, 191\) do not fit"):
        Glow.tiny().decode(torch.zeros(2, 191))


# -- start and plan


def test_initialisation_standardises_the_first_layer():
    model = Glow.from_config(SMALL)
    model.reset(torch.Generator().manual_seed(0))
    images = pictures(256)
    model.initialise(images)
    norms = [m for m in model.modules() if isinstance(m, ImageActNorm)]
    assert all(int(norm.initialised) for norm in norms)
    v = torch.nn.functional.pixel_unshuffle(images * (127.5 / 256), 2)
    z, _ = model.flow.flow_levels()[0].flow_steps()[0].norm.to_noise(v)
    assert z.mean((0, 2, 3)).abs().max() < 0.05
    assert (z.std((0, 2, 3)) - 1).abs().max() < 0.05
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.initialise(images + 0.5)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_changed_weights_reach_the_fused_path():
    model = Glow.tiny()
    codes = model.space.prior.sample([0], model.space.size)
    with torch.inference_mode():
        before = model.decode(codes)
    with torch.no_grad():
        model.flow.flow_levels()[0].flow_steps()[0].norm.shift.add_(0.1)
    with torch.inference_mode():
        assert not torch.equal(model.decode(codes), before)
    model.load_state_dict({k: v.clone() for k, v in Glow.tiny().state_dict().items()}, assign=True)
    with torch.inference_mode():
        assert torch.equal(model.decode(codes), before)


def test_a_model_with_a_plan_can_be_copied():
    model = Glow.tiny()
    codes = model.space.prior.sample([0], model.space.size)
    with torch.inference_mode():
        before = model.decode(codes)
        assert torch.equal(copy.deepcopy(model).decode(codes), before)


def test_a_singular_convolution_is_told():
    model = Glow.tiny()
    with torch.no_grad():
        model.flow.flow_levels()[1].flow_steps()[0].conv.log_scale[3] = -80
    for mode in (torch.inference_mode(), torch.enable_grad()):
        with mode, pytest.raises(UserError, match="singular or nearly so"):
            model.decode(torch.zeros(1, model.space.size))


def test_a_singular_layer_is_named_when_the_model_is_opened(tmp_path):
    """Before any picture is read, with the file and the layer; what is on the disk stays as it is."""
    model = Glow.tiny()
    checkpoint.save(tmp_path / "m", model, title="m", dataset={}, training={}, card="# m\n", history=[])
    path = tmp_path / "m" / "weights.safetensors"
    tensors = load_file(path)
    tensors["flow.levels.1.steps.0.conv.log_scale"][3] = -80
    save_file(tensors, path)
    before = path.read_bytes()
    with pytest.raises(UserError) as caught:
        checkpoint.load(tmp_path / "m")
    for words in (str(path), "'flow.levels.1.steps.0.conv'", "singular or nearly so", "another training step"):
        assert words in str(caught.value)
    assert path.read_bytes() == before


def test_no_pictures_give_no_codes():
    model = Glow.tiny()
    with torch.inference_mode():
        assert model.encode(torch.zeros(0, 3, 8, 8)).shape == (0, 192)
        assert model.log_prob(torch.zeros(0, 3, 8, 8)).shape == (0,)
        assert model.decode(torch.zeros(0, 192)).shape == (0, 3, 8, 8)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"levels": 5}, "5 levels needs a height and a width that 32 divides; the images are 16 x 16"),
        ({"image_shape": [3, 18, 16]}, "that 4 divides; the images are 16 x 18"),
        ({"image_shape": [2, 16, 16]}, "1 or 3 channels"),
        ({"levels": 0}, "levels = 0"),
        ({"steps": 0}, "steps = 0"),
        ({"n_bits": 9}, "n_bits = 9"),
        ({"limit": 0.0}, "limit = 0"),
        ({"coupling": "spline"}, "spline"),
        ({"depth": 3}, "depth"),
    ],
)
def test_faulty_configurations_are_named(change, sentence):
    with pytest.raises(UserError, match=sentence):
        Glow.from_config(SMALL | change)


@pytest.mark.parametrize(("edge", "levels"), [(32, 3), (128, 5), (256, 6)])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes_of_the_research_build(edge, levels, channels):
    config = GlowConfig(image_shape=(channels, edge, edge), levels=levels, steps=1, width=4)
    model = Glow(config)
    model.reset(torch.Generator().manual_seed(0))
    codes = model.eval().space.prior.sample([0], model.space.size)
    with torch.inference_mode():
        assert (model.encode(model.decode(codes)) - codes).abs().max() < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_pass_gives_both_answers(dtype):
    model = Glow.tiny().to(dtype)
    generator = torch.Generator().manual_seed(1)
    images = (torch.rand(5, *model.image_shape, generator=generator) * 2 - 1).to(dtype)
    codes = torch.randn(5, model.space.size, generator=generator).to(dtype)
    with torch.inference_mode():
        found, density = model.encode_with_log_prob(images)
        torch.testing.assert_close(found, model.encode(images), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(density, model.log_prob(images), atol=1e-3, rtol=1e-6)
        pictures, density = model.decode_with_log_prob(codes)
        torch.testing.assert_close(pictures, model.decode(codes), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(density, model.code_log_prob(codes), atol=1e-3, rtol=1e-6)
