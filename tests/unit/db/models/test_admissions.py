"""Golden scores and trust lie beside a bundle; a site key is trusted until it is revoked."""

from __future__ import annotations

import pytest

from db.clock import now
from db.database import Database
from db.models import admissions, site_keys
from db.models.admissions import AdmissionEntry
from domain.bundle.seal import Signature
from domain.codes import GoldenOrigin, Trust
from domain.errors import PermanentError
from tests.unit import rows

KEY = "12" * 32


def test_golden_scores_of_a_seal_take_the_place_of_those_of_an_examination(database: Database) -> None:
    rows.register_model(database)
    with database.write() as session:
        assert admissions.find(session, rows.DIGEST) == AdmissionEntry()
        assert admissions.find_golden_scores(session, rows.DIGEST) == ()
        admissions.keep_golden_scores(session, rows.DIGEST, [0.1], GoldenOrigin.EXAMINATION)
        admissions.keep_golden_scores(session, rows.DIGEST, [0.2], GoldenOrigin.EXAMINATION)
        assert admissions.find_golden_scores(session, rows.DIGEST) == (0.1,)
        admissions.keep_golden_scores(session, rows.DIGEST, [0.125, 1 / 3], GoldenOrigin.SEAL)
    with database.read() as session:
        entry = admissions.find(session, rows.DIGEST)
    assert (list(entry.golden_scores or ()), entry.golden_origin) == ([0.125, 1 / 3], "seal")


def test_the_first_reason_of_trust_is_kept(database: Database) -> None:
    rows.register_model(database)
    with database.write() as session:
        admissions.trust(session, rows.DIGEST, Trust.REASON, "me@here", "trained here")
        admissions.trust(session, rows.DIGEST, Trust.REASON, "you@there", "another")
    with database.read() as session:
        entry = admissions.find(session, rows.DIGEST)
    assert (entry.trust, entry.trust_reason, entry.trusted_by) == ("reason", "trained here", "me@here")


def test_a_signature_is_kept_once_for_each_key(database: Database) -> None:
    rows.register_model(database)
    moment = now().replace(microsecond=0)
    with database.write() as session:
        for text in ("a", "b"):
            signature = Signature(public_key=KEY, signature=text * 128, signed_at=moment)
            admissions.keep_signature(session, rows.DIGEST, signature)
    with database.read() as session:
        assert admissions.list_signatures(session, rows.DIGEST) == [signature]


def test_a_key_is_trusted_until_it_is_revoked(database: Database) -> None:
    with database.write() as session:
        site_keys.trust(session, KEY, "training host", "me@here", "ours")
    with database.write() as session, pytest.raises(PermanentError, match="is trusted already"):
        site_keys.trust(session, KEY, "again", "me@here", "ours")
    with database.write() as session, pytest.raises(PermanentError, match="0 trusted keys are 'other'"):
        site_keys.revoke(session, "other", "me@here", "lost")
    with database.write() as session:
        site_keys.revoke(session, "training host", "you@here", "lost")
    with database.read() as session:
        (entry,) = site_keys.list_site_keys(session)
    assert (entry.reason, entry.revoked_by, entry.revoked_reason) == ("ours", "you@here", "lost")
    with database.write() as session, pytest.raises(PermanentError, match="was revoked: make a new one"):
        site_keys.trust(session, KEY, "again", "me@here", "found")
