"""Every model family keeps the promises of `latentstudio.models.base`."""

import itertools
import json

import pytest
import torch

from latentstudio.models import FAMILIES, checkpoint
from latentstudio.models.base import Ability, LatentModel
from latentstudio.models.library import describe
from latentstudio.nn.noise import Noise


@pytest.fixture(params=sorted(FAMILIES))
def model(request):
    return FAMILIES[request.param]().tiny()


def pictures(model: LatentModel, count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *model.image_shape, generator=generator) * 2 - 1


def codes(model: LatentModel, count: int) -> torch.Tensor:
    return model.space.prior.sample(list(range(count)), model.space.size)


def has(model: LatentModel, ability: Ability) -> None:
    if ability not in model.abilities:
        pytest.skip(f"{model.family} has no {ability}")


def test_declares_itself(model):
    assert isinstance(model, LatentModel)
    assert model.family in FAMILIES
    assert model.abilities <= frozenset(Ability)


def test_parts_cover_the_code(model):
    spans = sorted(model.space.parts.values())
    assert spans[0][0] == 0
    assert spans[-1][1] == model.space.size
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))


def test_decode_gives_pictures(model):
    has(model, Ability.DECODE)
    with torch.inference_mode():
        images = model.decode(codes(model, 5))
    assert images.shape == (5, *model.image_shape)
    assert images.dtype == torch.float32
    assert torch.isfinite(images).all()


def test_encode_gives_codes(model):
    has(model, Ability.ENCODE)
    with torch.inference_mode():
        z = model.encode(pictures(model, 5))
    assert z.shape == (5, model.space.size)
    assert z.dtype == torch.float32


def test_log_densities_are_finite_and_agree(model):
    has(model, Ability.LOG_PROB)
    with torch.inference_mode():
        z = codes(model, 6)
        images = model.decode(z)
        of_images, of_codes = model.log_prob(images), model.code_log_prob(z)
    assert of_images.shape == (6,)
    assert of_images.dtype == of_codes.dtype == torch.float64
    torch.testing.assert_close(of_images, of_codes, atol=1e-3, rtol=1e-4)


def test_sample_k_depends_on_seed_k_alone(model):
    has(model, Ability.SAMPLE)
    one = model.space.prior.sample([7], model.space.size)
    assert torch.equal(one[0], model.space.prior.sample([3, 7, 1], model.space.size)[1])


def test_answers_do_not_change_from_call_to_call(model):
    images, z = pictures(model, 4), codes(model, 4)
    state = torch.get_rng_state()
    with torch.inference_mode():
        for call, argument in calls(model, images, z):
            assert torch.equal(call(argument), call(argument))
    assert torch.equal(torch.get_rng_state(), state)


def test_no_method_changes_the_model(model):
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.inference_mode():
        for call, argument in calls(model, pictures(model, 4), codes(model, 4)):
            call(argument)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_one_by_one_equals_together(model):
    images, z = pictures(model, 8), codes(model, 8)
    with torch.inference_mode():
        for call, argument in calls(model, images, z):
            together = call(argument)
            alone = torch.cat([call(argument[k : k + 1]) for k in range(8)])
            torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_with_gradients_and_without_are_the_same(model):
    """The plain network, used for gradients, and whatever runs in inference agree."""
    images, z = pictures(model, 8), codes(model, 8)
    for call, argument in calls(model, images, z):
        with torch.enable_grad():
            plain = call(argument).detach()
        with torch.inference_mode():
            torch.testing.assert_close(call(argument), plain, atol=1e-5, rtol=1e-5)


def test_gradients_reach_every_parameter(model):
    model.train()
    images = pictures(model, 32)
    model.fit_preprocessing(images)
    loss = model.loss(model.training_inputs(images), model.objective_type(), Noise(torch.Generator().manual_seed(0)))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name


def test_training_loss_is_the_mean_negative_log_density(model):
    has(model, Ability.LOG_PROB)
    images = pictures(model, 16)
    inputs = model.training_inputs(images)
    with torch.no_grad():
        loss = model.loss(inputs, model.objective_type(), Noise(torch.Generator().manual_seed(0)))
        assert loss.item() == pytest.approx(-model.log_prob(images).mean().item(), abs=1e-4)
        torch.testing.assert_close(model.input_log_prob(inputs), model.log_prob(images), atol=1e-4, rtol=1e-5)


def test_configuration_is_json_and_builds_the_same_network(model):
    config = json.loads(json.dumps(model.config()))
    again = FAMILIES[model.family]().from_config(config)
    shapes = {k: v.shape for k, v in model.state_dict().items()}
    assert {k: v.shape for k, v in again.state_dict().items()} == shapes


def test_saved_and_loaded_it_answers_the_same(model, tmp_path):
    folder = tmp_path / "saved"
    dataset = {"spec": "faces", "digest": "0", "title": "Faces", "images": 8}
    checkpoint.save(folder, model, title="Tiny", dataset=dataset, training={"steps": 3}, card="# Tiny\n")
    loaded = checkpoint.load(folder)
    with torch.inference_mode():
        pairs = zip(
            calls(model, pictures(model, 4), codes(model, 4)),
            calls(loaded, pictures(model, 4), codes(model, 4)),
            strict=True,
        )
        for (call, argument), (call_loaded, _) in pairs:
            assert torch.equal(call(argument), call_loaded(argument))
    info = describe(folder)
    assert info.image_shape == tuple(model.image_shape)
    assert info.latent_size == model.space.size
    assert info.prior == model.space.prior.kind
    assert set(info.abilities) == {str(a) for a in model.abilities}


@pytest.mark.gpu
def test_on_the_gpu_it_answers_as_on_the_cpu(model):
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    images, z = pictures(model, 8), codes(model, 8)
    with torch.inference_mode():
        on_cpu = [call(argument) for call, argument in calls(model, images, z)]
        model.to("cuda")
        for (call, argument), expected in zip(calls(model, images, z), on_cpu, strict=True):
            torch.testing.assert_close(call(argument.cuda()).cpu(), expected, atol=1e-3, rtol=1e-3)


def calls(model, images, z):
    """Pair each method that the model declares with an argument."""
    table = [
        (Ability.ENCODE, model.encode, images),
        (Ability.DECODE, model.decode, z),
        (Ability.LOG_PROB, model.log_prob, images),
        (Ability.LOG_PROB, model.code_log_prob, z),
    ]
    return [(call, argument) for ability, call, argument in table if ability in model.abilities]
