"""Progress of a training run: a bar with the time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

if TYPE_CHECKING:  # the module loads Keras
    from training.learning.fit import EpochResult, FitProgress

LINE_EVERY_S: Final = 30.0


class TrainingProgress:
    """A `training.retrain.Reporter`. Use it as a context manager.

    Args:
        console: receives the lines.
        clock: seconds that only grow.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._last_line = self._clock()
        self._pace = _Pace()

    def __enter__(self) -> TrainingProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, stage: str) -> None:
        """Start a stage."""
        self._drop_task()
        self._stage = stage
        self._pace = _Pace()
        self._console.print(f"{stage} …", highlight=False, markup=False)

    def advance(self, done: int, total: int) -> None:
        """Say that `done` of `total` are done."""
        left = self._pace.estimate(done, total, self._clock())
        if self._task is None:
            self._task = self._progress.add_task(self._stage, total=total, left="")
        self._progress.update(self._task, completed=done, total=total, left=left)
        if done >= total:
            self._drop_task()
        elif not self._console.is_terminal and self._clock() - self._last_line > LINE_EVERY_S:
            self._last_line = self._clock()
            self._console.print(f"  {done} of {total}{f', {left}' if left else ''}", highlight=False)

    def train(self, event: FitProgress | EpochResult) -> None:
        """Say how far training is; the bar runs over all epochs, so that its time left is the whole time."""
        from training.learning.fit import FitProgress

        if isinstance(event, FitProgress):
            self._stage = f"epoch {event.epoch} of {event.epochs}, loss {event.loss:.3f}"
            done, total = (event.epoch - 1) * event.batches + event.batch, event.epochs * event.batches
            self.advance(done, total)
            if self._task is not None:
                self._progress.update(self._task, description=self._stage)
        else:
            best = ", best so far" if event.best and event.validation_auc is not None else ""
            figures = f"loss {event.loss:.3f}"
            if event.validation_auc is not None:
                figures += f", validation AUC {event.validation_auc:.3f}"
            line = f"  epoch {event.epoch}: {figures}{best}, {event.seconds:.0f} s"
            self._console.print(line, highlight=False)

    def _drop_task(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


class _Pace:
    """The pace of a stage since its first step, which takes longer than the others: TensorFlow traces it."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def estimate(self, done: int, total: int, moment: float) -> str:
        """Return the time left as "about 3 min left"; empty until there is a pace."""
        if self._first is None:
            self._first = done, moment
        steps = done - self._first[0]
        if steps <= 0 or done >= total:
            return ""
        seconds = (moment - self._first[1]) / steps * (total - done)
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"
