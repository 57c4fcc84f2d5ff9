from __future__ import annotations

import io

from rich.console import Console

from tbscreen.terminal.training_progress import TrainingProgress
from training.learning.fit import FitProgress


def test_the_time_left_is_said_within_an_epoch_without_its_slow_first_batch() -> None:
    """The first batch takes a minute, each of the other 35 takes 31 s."""
    lines, moment = io.StringIO(), 0.0
    with TrainingProgress(Console(file=lines, width=100), lambda: moment) as progress:
        progress.begin("training default, at most 6 epochs")
        moment = 60.0
        progress.train(FitProgress(epoch=1, epochs=6, batch=1, batches=6, loss=0.7))
        moment = 91.0
        progress.train(FitProgress(epoch=1, epochs=6, batch=2, batches=6, loss=0.6))
    assert lines.getvalue().splitlines()[1:] == ["  1 of 36", "  2 of 36, about 18 min left"]
