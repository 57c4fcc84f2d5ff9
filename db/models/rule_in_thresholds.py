"""Rule-in thresholds that screenings used, for their TB scores.

TB scores are computed and not stored: old screenings have them too, and there is no second truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import TableClause, bindparam, select
from sqlalchemy.orm import Session

from db.models import site_thresholds
from db.tables import Model

Used = tuple[str, str]
"""Digest of a bundle and the name of the operating point that a screening used."""


_MODELS: Final = cast(TableClause, Model.__table__).c
# Built once: building the statement takes as long as running it.
_READ_POINTS: Final = select(_MODELS.digest, _MODELS.manifest["operating_points"]).where(
    _MODELS.digest.in_(bindparam("digests", expanding=True)), _MODELS.trained
)


def find(session: Session, used: Iterable[Used]) -> dict[Used, float]:
    """Return the rule-in threshold, 0..1, of each bundle and operating point.

    Untrained bundles, whose scores mean nothing, and unknown ones are left out.
    """
    wanted = set(used)
    digests = {digest for digest, _ in wanted}
    if not digests:
        return {}
    rows = session.execute(_READ_POINTS, {"digests": sorted(digests)})
    own: dict[str, Any] = dict(rows.tuples().all())
    found: dict[Used, float] = {}
    for digest, name in wanted:
        if digest not in own:
            continue
        local = site_thresholds.find_points(session, digest, name) or {}
        rule_in = _read_rule_in(local.get("operating_points") or own[digest])
        if rule_in is not None:
            found[digest, name] = rule_in
    return found


def _read_rule_in(points: Sequence[Mapping[str, Any]] | None) -> float | None:
    return next((float(point["threshold"]) for point in points or () if point["name"] == "rule_in"), None)
