"""Numbers under a frame, in words that fit a narrow column, with a flag where they leave the typical range."""

import math
from dataclasses import dataclass

from latentstudio.results import Band, Frames, Measure

NAMES = ("norm", "log p", "prior")
"""What the three lines under a frame are, in the order in which lines are dropped from the end when room is short."""


@dataclass(frozen=True)
class Readout:
    """One number in words. `unusual` is set outside the typical range and for numbers that are not finite."""

    text: str
    unusual: bool = False


def number(value: float) -> str:
    """Write a number in about five figures with a true minus sign: 8.12, −143.2, −1 243, 1.2e+06."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-3:
        text = f"{value:.1e}"
    elif size >= 1000:
        text = f"{value:,.0f}".replace(",", "\u2009")
    elif size >= 100:
        text = f"{value:.1f}"
    else:
        text = f"{value:.2f}"
    return text.replace("-", "−")


def place(position: float) -> str:
    """Write a place along a path with at most three decimals: 0.5, 1.125, −0.25."""
    return f"{round(position, 3) + 0.0:g}".replace("-", "−")


def percent(value: float) -> str:
    """Write a percentile: 54 %, and <1 % or >99 % where rounding would claim certainty."""
    if not math.isfinite(value):
        return "–"
    if value < 1:
        return "<1\u2009%"
    if value > 99:
        return ">99\u2009%"
    return f"{value:.0f}\u2009%"


def measured(measure: Measure, frame: int) -> str:
    """Write one number of a measure with its unit; nothing where there is none."""
    value = float(measure.values[frame])
    if not math.isfinite(value):
        return ""
    if measure.unit == "percentile":
        return percent(value)
    unit = measure.label.partition(", ")[2]
    return f"{value:.{measure.digits}f}\u2009{unit}".rstrip()


def outside(value: float, band: Band | None) -> bool:
    """Whether a value lies outside its typical range, or is no number at all."""
    return not math.isfinite(value) or (band is not None and not band.low <= value <= band.high)


def readouts(frames: Frames, index: int, norm_band: Band | None, log_prob_band: Band | None) -> tuple[Readout, ...]:
    """Return norm, log-density and percentile of a frame, in the order of `NAMES`; a dash where there is no density."""
    norm = float(frames.norm[index])
    far = outside(norm, norm_band)
    density = Readout("–")
    if frames.log_prob is not None:
        value = float(frames.log_prob[index])
        density = Readout(number(value), outside(value, log_prob_band))
    return Readout(number(norm), far), density, Readout(percent(float(frames.prior_percentile[index])), far)


def sentence(frames: Frames, index: int, norm_band: Band | None, log_prob_band: Band | None) -> str:
    """Say everything about a frame in one line, for screen readers and tooltips."""
    if not frames.ready[index]:
        return "not decoded yet"
    norm, density, share = readouts(frames, index, norm_band, log_prob_band)
    parts = [f"norm {norm.text}"]
    if frames.log_prob is not None:
        parts.append(f"log-density {density.text} nats")
    parts.append(f"percentile of the prior {share.text}")
    if frames.data_percentile is not None:
        parts.append(f"of the data {percent(float(frames.data_percentile[index]))}")
    if norm.unusual or density.unusual:
        parts.append("outside the typical range")
    if not frames.finite[index]:
        parts.append("the model's answer was not finite")
    return ", ".join(parts)
