"""Site thresholds taken into use and out of it, for `tbscreen calibrate` and the page."""

from __future__ import annotations

from db.database import Database
from db.models import site_thresholds
from db.models.site_thresholds import Sign
from tbscreen.models.bundle_lookup import find_bundle
from tbscreen.models.model_change import ModelChange


def use_threshold(
    database: Database, number: int, by: str, sign: Sign, reason: str | None = None
) -> ModelChange:
    """Judge new films by a site threshold, once its signature is checked.

    Raises:
        PermanentError: when no site threshold has this number, or its signature does not fit.
    """
    with database.write() as session:
        entry = site_thresholds.find(session, number)
        site_thresholds.verify(entry, sign)
        site_thresholds.switch_to(session, number, by, reason)
    told = f"new films of {entry.bundle_digest[:12]} are judged by {entry.name}"
    return ModelChange(f"threshold {number}, {entry.name}, of bundle {entry.bundle_digest} in use", [told])


def roll_back_threshold(database: Database, word: str, by: str) -> ModelChange:
    """Judge new films as before the last change: by the site threshold of then, or by the bundle alone.

    Args:
        database: open.
        word: the bundle; see `find_bundle`.
        by: the person.

    Raises:
        PermanentError: when no site threshold of the bundle is in use.
    """
    with database.write() as session:
        model = find_bundle(session, word)
        name = site_thresholds.switch_back(session, model.digest, by)
    point = name or "the operating point of the bundle itself"
    told = f"new films of {model.digest[:12]} are judged by {point}"
    return ModelChange(f"threshold of bundle {model.digest} rolled back to {point}", [told])
