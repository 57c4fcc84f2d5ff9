"""A peer that is down, and peers that refuse: reports wait or are parked, and none is lost.

One installation for all: each test looks at the same report on its way to another peer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pynetdicom import AE, evt

from db.delivery import deliveries
from tbscreen.demo.trial import Trial, trial
from tests.films import small_film
from tests.integration.conftest import store_raw
from tests.servers.pacs import peer_toml, storescp
from tests.servers.ports import free_port, wait_until
from tests.servers.product import GRAPHS_TOML


@dataclass
class Strict:
    """The peer that refuses a report for good, and has it already when it comes again."""

    port: int = 0
    answers: list[int] = field(default_factory=lambda: [0xC000, 0x0111])


@dataclass(frozen=True)
class Site:
    """An installation with one report for five peers."""

    installation: Trial
    strict: Strict
    away_port: int

    def rows(self) -> dict[str, deliveries.DeliveryRow]:
        """Return the deliveries by peer."""
        with self.installation.database.read() as session:
            return {row.peer: row for row in deliveries.list_deliveries(session, None, 10)}

    def wait_for(self, peer: str, state: str, description: str) -> None:
        """Wait until the report's delivery to a peer is in a state."""
        wait_until(lambda: peer in self.rows() and self.rows()[peer].state == state, 60, description)


@contextmanager
def strict_peer() -> Iterator[Strict]:
    strict = Strict()
    ae = AE(ae_title="STRICT")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.1.2.1")
    handlers = [(evt.EVT_C_STORE, lambda event: strict.answers.pop(0))]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    strict.port = server.server_address[1]
    try:
        yield strict
    finally:
        server.shutdown()


@contextmanager
def peer_without_sr() -> Iterator[int]:
    ae = AE(ae_title="NOSR")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.1")
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation that has one film's report for all its peers."""
    away_port = free_port()
    with strict_peer() as strict, peer_without_sr() as no_sr_port:
        unknown = peer_toml("unknown", "NOBODY", 104).replace("127.0.0.1", "no-such-host.invalid")
        tables = "[courier]\nretry_first_s = 0.2\nretry_most_s = 1.0\n\n" + unknown
        tables += peer_toml("away", "STORESCP", away_port)
        tables += peer_toml("strict", "STRICT", strict.port) + peer_toml("nosr", "NOSR", no_sr_port)
        tables += GRAPHS_TOML
        with trial(tables=tables) as installation:
            film = small_film(tmp_path_factory.mktemp("film"))
            assert store_raw(installation.service.dicom_port, film) == 0x0000
            yield Site(installation, strict, away_port)


def test_reports_wait_for_a_peer_that_is_down_and_reach_it_when_it_is_back(
    site: Site, tmp_path: Path
) -> None:
    assert site.installation.pacs.wait_for(1, 60)

    def attempts() -> int:
        row = site.rows()["away"]
        return row.attempts if row.state == "pending" else 0

    wait_until(lambda: attempts() >= 2, 60, "delivery to the absent peer was tried twice")
    with storescp(tmp_path / "received", site.away_port) as receiver:
        wait_until(lambda: len(receiver.files()) == 1, 60, "the report arrives when the peer is back")


def test_a_peer_that_refuses_for_good_parks_the_report_until_it_is_replayed(site: Site) -> None:
    site.wait_for("strict", "parked", "the refused report is parked")
    site.wait_for("pacs", "delivered", "another peer has it")
    with site.installation.database.write() as session:
        assert deliveries.replay(session, [site.rows()["strict"].delivery_id]) == 1
    # 0x0111, duplicate SOP instance: the peer has it already, which is what was wanted.
    site.wait_for("strict", "delivered", "the replayed report counts as delivered")
    assert site.strict.answers == []


def test_peers_with_an_unknown_name_or_without_sr_hold_nobody_up(site: Site) -> None:
    assert site.installation.pacs.wait_for(1, 60)
    site.wait_for("nosr", "parked", "a peer that takes no SR parks the report")
    wait_until(lambda: site.rows()["unknown"].last_error is not None, 60, "an unknown host name is told")
    assert "courier.sr_sop_class" in str(site.rows()["nosr"].last_error)
    assert site.rows()["unknown"].state == "pending"
    assert "no-such-host.invalid" in str(site.rows()["unknown"].last_error)
    site.wait_for("pacs", "delivered", "the small PACS has it")
