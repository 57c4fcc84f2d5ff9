"""Evaluation rows of sources that a network of the same kind was trained without (leave-one-source-out)."""

from __future__ import annotations

from pydantic import ValidationError

from domain.bundle.bundle import Bundle
from domain.errors import PermanentError
from training.judging.evaluation import Evaluation, Row


def read_unseen(bundle: Bundle) -> list[Row]:
    """Return the rows of the sources that a bundle was trained without.

    Args:
        bundle: a bundle of `tbscreen retrain --hold-out`.

    Raises:
        PermanentError: when the bundle has no such source.
    """
    fields = Evaluation.model_fields
    metrics = {name: value for name, value in bundle.manifest.metrics.items() if name in fields}
    try:
        evaluation = Evaluation.model_validate(metrics)
    except ValidationError as error:
        raise PermanentError(
            f"{bundle.directory} has no evaluation; only bundles of 'tbscreen retrain' have one"
        ) from error
    rows = [row for row in evaluation.sources if not row.seen_in_training]
    if not rows:
        raise PermanentError(f"{bundle.directory} was trained on all its sources: make it with --hold-out")
    return rows
