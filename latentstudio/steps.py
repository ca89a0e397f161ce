"""Work in steps: generators that yield on the way and return an answer at the end."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

Answer = TypeVar("Answer")
Step = TypeVar("Step")
Told = TypeVar("Told")


def answer_of(steps: Generator[Any, None, Answer]) -> Answer:
    """Go through all steps at once and return the answer."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            answer: Answer = ended.value
            return answer


def retold(steps: Generator[Step, None, Answer], tell: Callable[[Step], Told]) -> Generator[Told, None, Answer]:
    """Go through the steps and yield what `tell` says of each; return the answer."""
    while True:
        try:
            step = next(steps)
        except StopIteration as ended:
            answer: Answer = ended.value
            return answer
        yield tell(step)
