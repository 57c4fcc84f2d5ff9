"""Site thresholds taken into use and out of it, for `tbscreen calibrate` and the page."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.database import Database
from db.models import site_thresholds
from db.models.site_thresholds import Sign, SiteThresholdEntry
from db.models.threshold_groups import GROUPS
from domain.errors import PermanentError
from domain.languages.sentence import Sentence, say
from tbscreen.models.bundle_lookup import find_bundle
from tbscreen.models.model_change import ModelChange


def use_threshold(
    database: Database, number: int, by: str, sign: Sign, reason: str | None = None
) -> ModelChange:
    """Judge new films by a site threshold, once its signature and those of its cells are checked.

    Raises:
        PermanentError: when none has this number, a signature does not fit, or a cell is missing.
    """
    with database.write() as session:
        entry = site_thresholds.find(session, number)
        _check(session, entry, sign)
        site_thresholds.switch_to(session, number, by, reason)
    told = _tell(entry.bundle_digest, entry.name)
    return ModelChange(f"threshold {number}, {entry.name}, of bundle {entry.bundle_digest} in use", [told])


def roll_back_threshold(database: Database, word: str, by: str, sign: Sign) -> ModelChange:
    """Judge new films as before the last change: by the site threshold of then, or by the bundle alone.

    Nothing changes if the site threshold of then, or one of its cells, is not as it was signed.

    Args:
        database: open.
        word: the bundle; see `find_bundle`.
        by: the person.
        sign: signs with the key of this host.

    Raises:
        PermanentError: when no site threshold of the bundle is in use, a signature does not fit, or a cell is
            missing.
    """
    with database.write() as session:
        model = find_bundle(session, word)
        entry = site_thresholds.switch_back(session, model.digest, by)
        if entry is not None:
            _check(session, entry, sign)
    point = say("the operating point of the bundle itself") if entry is None else entry.name
    told = _tell(model.digest, point)
    return ModelChange(f"threshold of bundle {model.digest} rolled back to {point}", [told])


def _tell(digest: str, point: str) -> Sentence:
    return say("new films of {bundle} are judged by {point}", bundle=digest[:12], point=point)


def _check(session: Session, entry: SiteThresholdEntry, sign: Sign) -> None:
    """Check that a site threshold and its cells are all there, as they were signed."""
    site_thresholds.verify(entry, sign)
    cells = site_thresholds.list_cells(session, entry.bundle_digest, entry.name)
    for cell in cells:
        site_thresholds.verify(cell, sign)
    _require_whole(entry, cells)


def _require_whole(entry: SiteThresholdEntry, cells: Sequence[SiteThresholdEntry]) -> None:
    missing = {group["name"] for group in entry.record.get(GROUPS, ())} - {cell.name for cell in cells}
    if missing:
        raise PermanentError(
            say(
                "calibration {number} has lost its thresholds {names}: keep a new one, or restore the "
                "database",
                number=entry.calibration_id,
                names=", ".join(sorted(missing)),
            )
        )
