"""Comparisons are kept, and the newest of two bundles is found whichever was the candidate."""

from __future__ import annotations

from db.database import Database
from db.models import comparisons
from tests.unit import rows


def test_the_newest_comparison_of_two_bundles_is_found_in_either_order(database: Database) -> None:
    third = "c" * 64
    for digest in (rows.DIGEST, rows.OTHER_DIGEST, third):
        rows.register_model(database, digest)
    with database.read() as session:
        assert comparisons.find_newest(session, rows.DIGEST, rows.OTHER_DIGEST) is None
    with database.write() as session:
        comparisons.record(session, rows.DIGEST, rows.OTHER_DIGEST, "me@here", {"number": 1})
        comparisons.record(session, rows.OTHER_DIGEST, rows.DIGEST, "me@here", {"number": 2})
        comparisons.record(session, third, rows.DIGEST, "me@here", {"number": 3})
    with database.read() as session:
        assert comparisons.find_newest(session, rows.DIGEST, rows.OTHER_DIGEST) == {"number": 2}
        assert comparisons.find_newest(session, rows.OTHER_DIGEST, rows.DIGEST) == {"number": 2}
        assert comparisons.find_newest(session, rows.DIGEST, third) == {"number": 3}
        assert comparisons.find_newest(session, third, rows.OTHER_DIGEST) is None
