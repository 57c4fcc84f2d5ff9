"""The share of people whom this site refers, against what its operating point lets expect."""

from __future__ import annotations

from collections.abc import Iterator

from db.counts.referrals import watch_referral
from db.database import Database
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings


def examine_referral(settings: Settings, database: Database) -> Iterator[Check]:
    """Yield whether the site refers more people than expected; nothing where no prevalence is stated."""
    with database.read() as session:
        found = watch_referral(session, settings.reports.prevalence)
    if found is None or not found.people:
        return
    if found.warned_after is None:
        yield Check("people referred", Health.GOOD, found.describe())
    else:
        yield Check(
            "people referred",
            Health.BAD,
            found.describe(),
            "set a threshold of this site's own before you rely on the findings: 'tbscreen study plan' or "
            "'tbscreen calibrate propose'",
        )
