"""Parameters that the analyses of edits share."""

from latentstudio.controls import control
from latentstudio.stats.directions import ESTIMATOR_LABELS, ESTIMATORS


def estimator_control() -> str:
    """Declare the parameter that says how directions are found."""
    chosen: str = control(
        "mean_difference",
        "Estimator",
        "choice",
        choices=ESTIMATORS,
        choice_labels=ESTIMATOR_LABELS,
        help="How directions are found from the codes of both classes.",
    )
    return chosen


def faces_control(count: int) -> int:
    """Declare the parameter that says how many faces are edited."""
    chosen: int = control(
        count,
        "Faces",
        "int",
        minimum=1,
        maximum=4096,
        help="Held-out faces that are edited and averaged over; directions are found without them.",
    )
    return chosen


def strength_control(default: float = 1.0) -> float:
    """Declare the strength of the edit."""
    chosen: float = control(
        default,
        "Strength",
        "float",
        minimum=-100,
        maximum=100,
        help="1 is the distance between faces with and without the attribute.",
    )
    return chosen


def keep_control() -> tuple[str, ...]:
    """Declare the parameter that names attributes to which edits are perpendicular."""
    chosen: tuple[str, ...] = control(
        (),
        "Leave alone",
        "attributes",
        help="Edits are made perpendicular to the directions of these attributes.",
        advanced=True,
    )
    return chosen


def judge_control() -> str:
    """Declare the parameter that says what the classifiers look at."""
    chosen: str = control(
        "codes",
        "Classifiers see",
        "choice",
        choices=("codes", "pixels"),
        choice_labels=("Codes", "Pixels"),
        help="Codes of the edited pictures, encoded again, or the pictures, at most 32 x 32 px.",
        advanced=True,
    )
    return chosen


def sample_control() -> int:
    """Declare the parameter that says how many labelled images are encoded."""
    chosen: int = control(
        2000,
        "Sample",
        "int",
        minimum=40,
        maximum=100_000,
        help="Labelled images, drawn so that rare attributes keep their members; half of them for the classifiers.",
        advanced=True,
    )
    return chosen
