"""Progress of a training run: a bar with the time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from training.learning.fit import EpochResult, FitProgress

LINE_EVERY_S: Final = 30.0


class TrainingProgress:
    """A `training.retrain.Reporter`. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._last_line = time.monotonic()

    def __enter__(self) -> TrainingProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, stage: str) -> None:
        """Start a stage."""
        self._drop_task()
        self._stage = stage
        self._console.print(f"{stage} …", highlight=False, markup=False)

    def advance(self, done: int, total: int) -> None:
        """Say that `done` of `total` are done."""
        if self._task is None:
            self._task = self._progress.add_task(self._stage, total=total)
        self._progress.update(self._task, completed=done, total=total)
        if done >= total:
            self._drop_task()
        elif not self._console.is_terminal and time.monotonic() - self._last_line > LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._console.print(f"  {done} of {total}", highlight=False)

    def train(self, event: FitProgress | EpochResult) -> None:
        """Say how far training is; the bar runs over all epochs, so that its time left is the whole time."""
        if isinstance(event, FitProgress):
            self._stage = f"epoch {event.epoch} of {event.epochs}, loss {event.loss:.3f}"
            done, total = (event.epoch - 1) * event.batches + event.batch, event.epochs * event.batches
            self.advance(done, total)
            if self._task is not None:
                self._progress.update(self._task, description=self._stage)
        else:
            best = ", best so far" if event.best else ""
            figures = f"loss {event.loss:.3f}, validation AUC {event.validation_auc:.3f}"
            line = f"  epoch {event.epoch}: {figures}{best}, {event.seconds:.0f} s"
            self._console.print(line, highlight=False)

    def _drop_task(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
