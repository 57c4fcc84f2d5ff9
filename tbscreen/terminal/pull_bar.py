"""Progress of a pull: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dicom_gateway.retrieval.pull_progress import PullProgress

LINE_EVERY_S: Final = 30.0


class PullBar:
    """Shows each `PullProgress` that it is called with. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("studies"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("asking for studies …", total=None)
        self._said = ""
        self._next_line_at = time.monotonic() + LINE_EVERY_S

    def __enter__(self) -> PullBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: PullProgress) -> None:
        """Show how far it is."""
        films = f"{progress.films} films" + (f", {progress.failed} studies failed" * bool(progress.failed))
        if progress.day is not None:
            said = (
                f"asking for {progress.day} and before, {progress.days_left} days left, "
                f"{progress.found} studies found"
            )
            self._bar.update(self._task, description=said)
        else:
            said = f"{progress.done} of {progress.found} studies, {films}"
            self._bar.update(self._task, description=films, total=progress.found, completed=progress.done)
        if progress.waiting_for not in ("", self._said):
            self._print(f"waiting: {progress.waiting_for}")
        self._said = progress.waiting_for or self._said
        if not self._console.is_terminal and time.monotonic() >= self._next_line_at:
            self._print(said)
            self._next_line_at = time.monotonic() + LINE_EVERY_S

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)
