"""The bundle of this version of tbscreen, where an older one is active."""

from __future__ import annotations

from collections.abc import Iterator

from db.database import Database
from db.models import bundles
from tbscreen.doctor.check import Check, Health
from tbscreen.models.default_bundle import find_newer


def examine_shipped(database: Database) -> Iterator[Check]:
    """Yield what to do where another bundle than the shipped one of the same name is active."""
    shipped = find_newer(database)
    if shipped is None:
        return
    with database.read() as session:
        active = bundles.find_active(session)
    assert active is not None
    new, old = shipped.digest[:12], active.digest[:12]
    yield Check(
        "newer bundle",
        Health.NOTE,
        f"this version of tbscreen brings {shipped.name} {shipped.version}, {new}, which is not active",
        f"'tbscreen models compare {new} {old} FILMS', then 'tbscreen models activate {new}', and choose "
        "site thresholds anew, since they belong to their bundle",
    )
