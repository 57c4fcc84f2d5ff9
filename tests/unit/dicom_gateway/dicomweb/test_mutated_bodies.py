"""Bodies of Store requests, changed, cut and repeated: each has an outcome, and leaves no half file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from db.database import Database
from db.tables import Instance
from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.dicomweb.multipart_body import MalformedBodyError, MultipartBody
from dicom_gateway.dicomweb.store_answer import XML, answer
from dicom_gateway.dicomweb.store_transaction import StoreTransaction, TooManyInstancesError
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from tests.dicom_libraries import configured_to_receive
from tests.films import small_film
from tests.servers.peers.stow_requests import BOUNDARY, encode_body

BODIES = 150
SENDER = FilmSender("MODALITY", "127.0.0.1", "00000000", "TBSCREEN")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool")
    with configured_to_receive(spool.incoming):
        yield spool


def mutate(body: bytes, dice: random.Random) -> bytes:
    """Change a body in one of several ways, most of them near its boundaries and headers."""
    content = bytearray(body)
    edges = [at for at in range(len(body)) if body.startswith(f"--{BOUNDARY}".encode(), at)]
    near = dice.choice(edges) + dice.randrange(-4, 600) if dice.random() < 0.7 else dice.randrange(len(body))
    at = max(0, min(len(body) - 1, near))
    way = dice.randrange(6)
    if way == 0:
        for _ in range(dice.choice((1, 1, 3, 30))):
            content[max(0, min(len(body) - 1, at + dice.randrange(-8, 8)))] = dice.randrange(256)
    elif way == 1:
        del content[at:]
    elif way == 2:
        del content[at : at + dice.choice((1, 2, 50, 5000))]
    elif way == 3:
        content[at:at] = content[max(0, at - dice.choice((2, 100, 2000))) : at]
    elif way == 4:
        content[at:at] = dice.choice((b"\r\n", b"\0" * 300, f"\r\n--{BOUNDARY}".encode(), b"--", b"\r"))
    else:
        content = content * 2
    return bytes(content)


def test_every_mutated_body_has_an_outcome_and_leaves_no_half_file(
    spool: Spool, sqlite_database: Database, tmp_path: Path
) -> None:
    tiny = {"Rows": 16, "Columns": 16, "PixelData": bytes(512)}
    body = encode_body(small_film(tmp_path, number, **tiny) for number in range(3))
    settings = GatewaySettings(reserved_disk_bytes=0)
    reception = FilmReception(settings, sqlite_database, spool, lambda: None)
    dice, statuses, stored = random.Random(5), set[int](), set[str]()
    for _ in range(BODIES):
        content = mutate(body, dice)
        transaction = StoreTransaction(reception, spool.incoming, SENDER, "", 5)
        is_malformed = False
        try:
            multipart = MultipartBody(BOUNDARY, transaction)
            size = dice.choice((7, 1000, len(content)))
            for at in range(0, len(content), size):
                multipart.feed(content[at : at + size])
            multipart.finish()
        except MalformedBodyError:
            is_malformed = True
        except TooManyInstancesError:
            transaction.note_too_large()
        transaction.abandon()
        stored |= {instance.sop_instance_uid for instance in transaction.outcome.stored}
        statuses.add(answer(transaction.outcome, XML, is_malformed).status_code)
        assert list(spool.incoming.iterdir()) == []
    with sqlite_database.read() as session:
        rows = {(row.sop_instance_uid, row.spool_path) for row in session.scalars(select(Instance))}
    assert {uid for uid, _ in rows} == stored
    assert all(path is not None and spool.path(path).is_file() for _, path in rows)
    assert {200, 202, 400} <= statuses, "bodies of every kind were among them"
