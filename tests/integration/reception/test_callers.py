"""Allowed callers, and the A-ASSOCIATE-RJ that others get."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from sqlalchemy import select
from structlog.testing import capture_logs

from db.database import Database
from db.tables import Instance
from dicom_gateway.association.presentation_contexts import VERIFICATION
from dicom_gateway.reception.caller_settings import CallerSettings
from tests.films import read, small_film
from tests.integration.listening import gateway
from tests.servers.ports import wait_until

Call = Callable[..., Association]


@contextmanager
def called(database: Database, folder: Path, **settings: Any) -> Iterator[Call]:
    """A gateway with these settings, and how to call it."""
    opened: list[Association] = []
    with gateway(database, folder / "spool", 0, **settings) as scp:

        def call(
            calling: str, called: str = "TBSCREEN", *contexts: Any, timeout_s: float = 20.0
        ) -> Association:
            ae = AE(ae_title=calling)
            ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = timeout_s
            offered = [build_context(VERIFICATION), *contexts]
            association = ae.associate("127.0.0.1", scp.ports[0], contexts=offered, ae_title=called)
            opened.append(association)
            return association

        try:
            yield call
        finally:
            for association in opened:
                if association.is_established:
                    association.abort()


def rejection(association: Association) -> tuple[int, int, int] | None:
    """Result, source, reason; None for an association that stands."""
    if association.is_established:
        return None
    assert association.is_rejected
    answer: Any = association.acceptor.primitive
    return answer.result, answer.result_source, answer.diagnostic


CALLERS = (
    CallerSettings(ae_title="CR1", addresses=("127.0.0.0/8",)),
    CallerSettings(ae_title="CR2", addresses=("192.0.2.7", "2001:db8::/32")),
    CallerSettings(ae_title="CR2", addresses=("198.51.100.0/24",)),
    CallerSettings(ae_title="PACS"),
)


@pytest.mark.parametrize(
    ("calling", "called_", "expected"),
    [
        ("CR1", "TBSCREEN", None),
        ("PACS", "TBSCREEN", None),
        ("OLD", "TBSCREEN", None),
        ("CR2", "TBSCREEN", (1, 1, 3)),
        ("SOMEBODY", "TBSCREEN", (1, 1, 3)),
        ("SOMEBODY", "OTHER", (1, 1, 3)),
        ("PACS", "OTHER", (1, 1, 7)),
    ],
)
def test_a_caller_needs_its_title_its_address_and_ours(
    calling: str,
    called_: str,
    expected: tuple[int, int, int] | None,
    sqlite_database: Database,
    tmp_path: Path,
) -> None:
    with called(sqlite_database, tmp_path, callers=CALLERS, allowed_calling_ae_titles=("OLD",)) as call:
        assert rejection(call(calling, called_)) == expected


def test_an_address_alone_may_be_enough(sqlite_database: Database, tmp_path: Path) -> None:
    with called(sqlite_database, tmp_path, callers=(CallerSettings(addresses=("127.0.0.1",)),)) as call:
        assert rejection(call("ANYBODY")) is None
    with called(sqlite_database, tmp_path, callers=(CallerSettings(addresses=("127.0.0.2",)),)) as call:
        assert rejection(call("ANYBODY")) == (1, 1, 3)


def test_many_refusals_of_one_kind_are_one_line_and_the_rest_is_told_at_the_end(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with capture_logs() as lines, called(sqlite_database, tmp_path, callers=CALLERS) as call:
        for _ in range(10):
            call("SOMEBODY")
        call("CR2")
    rejected = [line for line in lines if line["event"] == "association rejected"]
    assert [(line["caller"], line["reason"], line["count"]) for line in rejected] == [
        ("SOMEBODY", "calling AE title not among the callers", 1),
        ("CR2", "calling AE title not from this address", 1),
        ("SOMEBODY", "calling AE title not among the callers", 9),
    ]


@pytest.mark.parametrize("limit", ["maximum_associations", "maximum_associations_per_address"])
def test_one_association_too_many_is_rejected_for_the_moment(
    limit: str, sqlite_database: Database, tmp_path: Path
) -> None:
    with called(sqlite_database, tmp_path, **{limit: 2}) as call:
        first = call("CR1")
        assert [rejection(first), rejection(call("CR1"))] == [None, None]
        assert rejection(call("CR1")) == (2, 3, 2)
        first.release()
        wait_until(
            lambda: sum("AcceptorThread" in thread.name for thread in threading.enumerate()) < 2,
            20,
            "the first association has ended",
        )
        assert rejection(call("CR1")) is None


def test_a_dataset_that_is_too_large_is_refused_within_its_association(
    sqlite_database: Database, tmp_path: Path
) -> None:
    large = read(small_film(tmp_path, 1, PixelData=os.urandom(5_000_000)))
    small = read(small_film(tmp_path, 2))
    context = build_context(large.SOPClassUID, large.file_meta.TransferSyntaxUID)
    with called(sqlite_database, tmp_path, maximum_dataset_bytes=2_000_000) as call:
        association = call("CR1", "TBSCREEN", context)
        assert association.send_c_store(large).Status == 0xA700
        assert association.send_c_store(small).Status == 0x0000
    with sqlite_database.read() as session:
        assert list(session.scalars(select(Instance.sop_instance_uid))) == [small.SOPInstanceUID]


def test_an_association_does_not_stay_for_ever(sqlite_database: Database, tmp_path: Path) -> None:
    with called(sqlite_database, tmp_path, maximum_association_s=1.0) as call:
        busy = call("CR1")
        assert busy.is_established

        def is_ended() -> bool:
            if busy.is_established:
                busy.send_c_echo()
            return not busy.is_established

        wait_until(is_ended, 20, "the association is aborted, busy as it is")


def test_who_drips_bytes_is_cut_off(sqlite_database: Database, tmp_path: Path) -> None:
    with called(sqlite_database, tmp_path, maximum_association_s=1.5) as call:
        dripping = call("CR1")
        transport: Any = dripping.dul.socket
        transport.socket.sendall(b"\x04\x00\x00\x01\x00\x00")

        def is_cut_off() -> bool:
            try:
                transport.socket.sendall(b"\x00")
            except (OSError, AttributeError):
                return True
            return not dripping.is_established

        wait_until(is_cut_off, 20, "it is cut off in the middle of its PDU")
