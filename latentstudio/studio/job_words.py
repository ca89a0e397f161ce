"""What the progress lines of a job mean: a share done, and words for the person."""

from typing import Any


def progress_of(said: dict[str, Any]) -> float | None:
    """Return the share done that a progress line speaks of: ``fraction``, or ``step`` of ``steps``."""
    try:
        share = float(said["fraction"]) if "fraction" in said else float(said["step"]) / float(said["steps"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return min(1.0, max(0.0, share)) if share == share else None


def words_of(said: dict[str, Any]) -> str:
    """Return a progress line in words; empty when it says nothing that is known."""
    if isinstance(said.get("message"), str):
        return str(said["message"])
    words = []
    if _is_number(said.get("step")) and _is_number(said.get("steps")):
        words.append(f"step {said['step']:,} of {said['steps']:,}")
    if _is_number(said.get("loss")):
        words.append(f"loss {said['loss']:.2f}")
    if _is_number(said.get("held_out")):
        words.append(f"held out {said['held_out']:.2f} nats")
    if _is_number(said.get("images_per_second")):
        words.append(f"{said['images_per_second']:,.0f} images/s")
    if _is_number(said.get("remaining_seconds")):
        words.append(f"{_duration(said['remaining_seconds'])} left")
    return ", ".join(words)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(max(0.0, min(seconds, 1e9))), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
