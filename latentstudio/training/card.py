"""The model card: what the recipe says of a model and what was measured, in Markdown."""

from typing import Any

from torch import nn

from latentstudio.training.recipe import TrainingRecipe
from latentstudio.training.samples import NAME, TEMPERATURES

_ROWS = {
    "train": "training",
    "held_out": "held out, all",
    "held_out_scoring": "held out, no part in the choice of weights",
}


def write_card(
    recipe: TrainingRecipe,
    dataset: dict[str, Any],
    training: dict[str, Any],
    network: nn.Module,
    samples: bool = False,
) -> str:
    """Return the card of a finished model.

    Parameters
    ----------
    dataset, training : as they go into ``config.json`` ; samples : whether ``samples.png`` lies beside the card.
    """
    parts = [f"# {recipe.title}"]
    if recipe.card.summary:
        parts.append(recipe.card.summary.strip())
    parts.append(_facts(recipe, dataset, training, network))
    parts.append(_scores(training["scores"], getattr(network, "density_space", "the images")))
    if far := training["scores"].get("code_round_trip"):
        parts.append(_round_trips(far))
    if samples:
        rows = ", ".join(f"{t:g}" for t in TEMPERATURES)
        parts.append(f"## Samples\n\nRandom seeds 0 to 7 across; temperatures {rows} down.\n\n![samples]({NAME})")
    for heading, text in (
        ("Intended use", recipe.card.intended_use),
        ("Limits", recipe.card.limits),
        ("Licence", recipe.card.licence),
    ):
        if text:
            parts.append(f"## {heading}\n\n{text.strip()}")
    return "\n\n".join(parts) + "\n"


def _round_trips(far: dict[str, dict[str, float | None]]) -> str:
    lines = [
        "## Round trip of codes",
        "",
        "Largest difference in a component of a code that is decoded and encoded again. A picture held in float32",
        "cannot keep a code where the flow stretches space more than float32 resolves; the last column is that limit.",
        "",
        "| sigma | finite pictures | float32 | float64 | float64, picture held in float32 |",
        "|---|---|---|---|---|",
    ]
    for sigma, row in far.items():
        cells = [_short(row[key]) for key in ("float32", "float64", "float32_picture")]
        lines.append(f"| {sigma} | {100 * (row['finite_share'] or 0):.0f} % | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _facts(recipe: TrainingRecipe, dataset: dict[str, Any], training: dict[str, Any], network: nn.Module) -> str:
    unit, hardware = recipe.card.unit, training["hardware"]
    parameters = sum(p.numel() for p in network.parameters())
    model = ", ".join(f"{key} {value}" for key, value in recipe.model.items())
    objective = ", ".join(f"{key} {value}" for key, value in recipe.objective.items()) or "plain maximum likelihood"
    split, augmentation = recipe.split, recipe.augmentation
    changed = [text for on, text in ((augmentation.mirror, "mirrored"), (augmentation.shift, "moved")) if on]
    if changed:
        reach = f" by up to {augmentation.shift} px" if augmentation.shift else ""
        objective += f", with {' and '.join(changed)} copies{reach}"
    lines = [
        f"- Family: `{recipe.family}` ({model}); {parameters:,} trained parameters.",
        f"- Data: {dataset['title']} (`{dataset['spec']}`), {dataset['images']:,} images; held out: "
        + ("none." if split.rule == "none" else f"rule `{split.rule}`, share {split.share:g}, seed {split.seed}."),
        f"- Training: {training['steps']:,} {unit}s of AdamW at {recipe.training.learning_rate:g}, {objective}; "
        f"the weights of {unit} {training['kept_step']:,} are kept; {training['skipped']} skipped.",
        f"- Time: {training['seconds']:,.0f} s on {_machine(hardware)}.",
        f"- Decoding a strip of nine images takes {training['scores']['decode_strip_ms']:.2f} ms "
        + ("on its processor" if "accelerator" in hardware else "there")
        + " (median).",
    ]
    if recipe.training.snapshots:
        lines.append(f"- Snapshots at {unit}s {', '.join(str(s) for s in recipe.training.snapshots)}.")
    return "## Facts\n\n" + "\n".join(lines)


def _machine(hardware: dict[str, Any]) -> str:
    """Name what a run computed on."""
    count = hardware.get("processes", 1)
    share = f" in each of {count} processes" if count > 1 else ""
    processor = f"{hardware['processor']} ({hardware['cores']} cores, {hardware['threads']} thread(s) used{share})"
    if "accelerator" not in hardware:
        return processor
    return f"{count} x {hardware['accelerator']} in a machine with {processor}"


def _scores(scores: dict[str, Any], space: str) -> str:
    """Tabulate log-densities beside those of the baseline."""
    known = bool(scores.get("baseline"))
    lines = [
        "## Scores",
        "",
        f"Log-density of {space} in nats per image; higher is better."
        + (
            " The baseline is one Gaussian with the mean and the covariance that the training images have there."
            * known
        ),
        "",
        "| images | n | mean nats | mean nats/dim | median nats | finite |" + " baseline mean nats |" * known,
        "|---|---|---|---|---|---|" + "---|" * known,
    ]
    for name, label in _ROWS.items():
        if name not in scores:
            continue
        row, base = scores[name], scores.get("baseline", {}).get(name, {})
        cells = [
            label,
            f"{row['images']:,}",
            _text(row["mean_nats"], 1),
            _text(row["mean_nats_per_dim"], 2),
            _text(row["median_nats"], 1),
            f"{100 * row['finite_share']:.1f} %",
            *([_text(base.get("mean_nats"), 1)] if known else []),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines + _extra_scores(scores))


def _extra_scores(scores: dict[str, Any]) -> list[str]:
    """Tabulate what only the family measures."""
    rows = {label: scores[name]["extra"] for name, label in _ROWS.items() if "extra" in scores.get(name, {})}
    if not rows:
        return []
    names = list(next(iter(rows.values())))
    heads = [f"{name.replace('_', ' ')}, {kind}" for name in names for kind in ("mean", "largest")]
    lines = ["", "| images | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for label, extra in rows.items():
        cells = [_short(extra[name][kind]) for name in names for kind in ("mean", "largest")]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def _short(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.3g}"


def _text(value: float | None, digits: int) -> str:
    return "not finite" if value is None else f"{value:,.{digits}f}"
