"""What a training run tells of itself while it runs."""

import msgspec

from latentstudio.errors import UserError


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands after a step.

    Attributes
    ----------
    loss : of the last step, nats per image; NaN where the step was skipped.
    held_out : mean negative log-density of held-out images at the last evaluation, nats; None before the first, without
        held-out images, or when it is not finite.
    images_per_second : since the run began or was resumed.
    remaining_seconds : estimate.
    """

    step: int
    steps: int
    loss: float
    held_out: float | None
    images_per_second: float
    remaining_seconds: float


class NotFiniteError(UserError):
    """The loss became NaN or infinite; the loop's state is that of the last evaluation."""
