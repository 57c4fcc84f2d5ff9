"""A peer that is down, and one that refuses: reports wait or are parked, and none is lost."""

from __future__ import annotations

from pathlib import Path

from pynetdicom import AE, evt

from db.delivery import deliveries
from db.states import DeliveryState
from tbscreen.demo.trial import trial
from tests.films import small_film
from tests.integration.conftest import store_raw
from tests.servers.pacs import peer_toml, storescp
from tests.servers.ports import free_port, wait_until


def test_reports_wait_for_a_peer_that_is_down_and_reach_it_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    tables = "[courier]\nretry_first_s = 0.2\nretry_most_s = 1.0\n\n" + peer_toml("away", "STORESCP", port)
    with trial(tables=tables) as installation:
        assert store_raw(installation.service.dicom_port, small_film(tmp_path)) == 0x0000
        assert installation.pacs.wait_for(1, 60)

        def attempts() -> int:
            with installation.database.read() as session:
                rows = deliveries.list_deliveries(session, DeliveryState.PENDING, 10)
            return max((row.attempts for row in rows if row.peer == "away"), default=0)

        wait_until(lambda: attempts() >= 2, 60, "delivery to the absent peer was tried twice")
        with storescp(tmp_path / "received", port) as receiver:
            wait_until(lambda: len(receiver.files()) == 1, 60, "the report arrives when the peer is back")


def test_a_peer_that_refuses_for_good_parks_the_report_until_it_is_replayed(tmp_path: Path) -> None:
    answers = [0xC000, 0x0111]
    ae = AE(ae_title="STRICT")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.1.2.1")
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: answers.pop(0))]
    )
    assert server is not None
    try:
        with trial(tables=peer_toml("strict", "STRICT", server.server_address[1])) as installation:
            assert store_raw(installation.service.dicom_port, small_film(tmp_path)) == 0x0000

            def states() -> dict[str, str]:
                with installation.database.read() as session:
                    rows = deliveries.list_deliveries(session, None, 10)
                return {row.peer: row.state for row in rows}

            wait_until(lambda: states().get("strict") == "parked", 60, "the refused report is parked")
            wait_until(lambda: states().get("pacs") == "delivered", 60, "the other peer has it")
            with installation.database.write() as session:
                assert deliveries.replay(session) == 1
            # 0x0111, duplicate SOP instance: the peer has it already, which is what was wanted.
            wait_until(
                lambda: states().get("strict") == "delivered", 60, "the replayed report counts as delivered"
            )
    finally:
        server.shutdown()
    assert answers == []


def test_peers_with_an_unknown_name_or_without_sr_hold_nobody_up(tmp_path: Path) -> None:
    ae = AE(ae_title="NOSR")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.1")
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    unknown = peer_toml("unknown", "NOBODY", 104).replace("127.0.0.1", "no-such-host.invalid")
    try:
        with trial(tables=unknown + peer_toml("nosr", "NOSR", server.server_address[1])) as installation:
            assert store_raw(installation.service.dicom_port, small_film(tmp_path)) == 0x0000
            assert installation.pacs.wait_for(1, 60)

            def rows() -> dict[str, deliveries.DeliveryRow]:
                with installation.database.read() as session:
                    return {row.peer: row for row in deliveries.list_deliveries(session, None, 10)}

            wait_until(
                lambda: rows()["nosr"].state == "parked", 60, "a peer that takes no SR parks the report"
            )
            wait_until(lambda: rows()["unknown"].last_error is not None, 60, "an unknown host name is told")
            assert "courier.sr_sop_class" in str(rows()["nosr"].last_error)
            assert rows()["unknown"].state == "pending"
            assert "no-such-host.invalid" in str(rows()["unknown"].last_error)
            wait_until(lambda: rows()["pacs"].state == "delivered", 60, "the small PACS has it")
    finally:
        server.shutdown()
