"""The doctor finds what is wrong with an installation, and says what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from db.accounts import users
from db.clock import now
from db.database import Database
from db.delivery import commitment_requests, deliveries, outbox
from db.models import bundles
from db.tables import (
    BundleAdmission,
    BundleChunk,
    Commitment,
    Delivery,
    Instance,
    Model,
    OutboxEntry,
    Screening,
)
from dicom_gateway.association.answer_settings import AnswerSettings
from dicom_gateway.association.tls_settings import ListenerTlsSettings
from dicom_gateway.dicomweb.dicomweb_settings import DicomwebSettings
from dicom_gateway.identifiers import IMPLEMENTATION_VERSION_NAME
from dicom_gateway.reception.caller_settings import CallerSettings
from dicom_gateway.settings import CommitmentRoleRule, PeerProtocol, PeerSettings, spool_directory
from dicom_gateway.spool import Spool
from domain.film_key import film_key
from domain.roles import Role
from tbscreen.demo.trial import SmallPacs
from tbscreen.doctor.check import Check, Health
from tbscreen.doctor.examination import examine
from tbscreen.processes.private_redis import find_redis_server
from tbscreen.processes.serve import migrate
from tbscreen.settings import Settings, load_settings
from tests.integration.listening import gateway
from tests.servers.certificates import Certificates
from tests.servers.peers.stow_scp import stow_scp
from tests.servers.ports import free_port
from tests.unit import rows
from web.settings import WebSettings


@pytest.fixture
def settings(place: Path) -> Settings:
    """An installation on this machine, on ports where nobody listens yet."""
    (place / "tbscreen.toml").write_text(
        f'data_directory = "{place / "data"}"\n'
        f'[gateway]\nhost = "127.0.0.1"\nport = {free_port()}\nreserved_disk_bytes = 1000\n'
    )
    return load_settings()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The installation's database, migrated and with the bundle that comes with tbscreen."""
    migrate(settings)
    opened = Database.open(settings.database_settings())
    yield opened
    opened.close()


def test_an_empty_place_is_not_well_and_every_complaint_says_what_to_do(settings: Settings) -> None:
    checks = _examine(settings)
    assert [part for part, check in checks.items() if check.health is Health.BAD] == [
        "data directory",
        "database",
        "broker",
        "gateway",
    ]
    assert checks["data directory"].finding.endswith("data does not exist")
    assert "migration none" in checks["database"].finding
    assert checks["database"].advice == "run 'tbscreen db upgrade'"
    socket = settings.private_redis_socket()
    assert checks["broker"].finding.startswith(f"Redis at {socket} does not answer: ")
    assert checks["peers"].health is Health.NOTE
    assert all(check.advice for check in checks.values() if check.health is not Health.GOOD)


def test_a_migrated_installation_lacks_only_what_does_not_run(settings: Settings, database: Database) -> None:
    checks = _examine(settings)
    assert checks["settings"].finding == "read from tbscreen.toml"
    assert checks["data directory"].health is Health.GOOD
    assert checks["database"].health is Health.GOOD
    assert checks["reports"].health is Health.GOOD
    assert checks["model bundle"].health is Health.GOOD
    assert checks["model bundle"].finding.startswith("tbscreen-default ")
    assert [part for part, check in checks.items() if check.health is Health.BAD] == ["broker", "gateway"]


def test_a_running_installation_is_well(
    settings: Settings, database: Database, redis_url: str, place: Path
) -> None:
    gateway = SmallPacs(place / "gateway", settings.gateway.ae_title)
    spool = Spool(spool_directory(settings.data_directory))
    spool.lock()
    pacs = SmallPacs(place / "pacs", "PACS")
    changed = settings.model_copy(
        update={
            "broker_url": redis_url,
            "gateway": settings.gateway.model_copy(update={"port": gateway.port}),
            "peers": (PeerSettings(name="pacs", ae_title="PACS", host="127.0.0.1", port=pacs.port),),
        }
    )
    try:
        checks = _examine(changed)
    finally:
        gateway.stop()
        pacs.stop()
        spool.unlock()
    assert [part for part, check in checks.items() if check.health is Health.BAD] == []
    assert re.fullmatch(r"Redis \d+\.\d+\.\d+, /.*redis-server", checks["broker"].finding)
    assert "private Redis" not in checks
    assert f", answers C-ECHO: process {os.getpid()} (" in checks["gateway"].finding
    assert checks["gateway"].finding.endswith(f"data in {settings.data_directory.resolve()}")
    assert checks["peer pacs"].finding == f"PACS at 127.0.0.1:{pacs.port} answers C-ECHO"


def test_a_peer_that_does_not_answer_is_named(settings: Settings) -> None:
    port = free_port()
    peer = PeerSettings(name="archive", ae_title="ARCHIVE", host="127.0.0.1", port=port)
    check = _examine(settings.model_copy(update={"peers": (peer,)}))["peer archive"]
    assert check.health is Health.BAD
    assert check.finding.startswith(f"ARCHIVE at 127.0.0.1:{port}: ")
    assert "reports wait meanwhile" in check.advice


def test_a_database_that_is_away_is_said_without_its_password(settings: Settings) -> None:
    port = free_port()
    url = f"postgresql://me:s3cret@127.0.0.1:{port}/name"
    check = _examine(settings.model_copy(update={"database_url": url}))["database"]
    assert check.health is Health.BAD
    assert check.finding.startswith(f"PostgreSQL at 127.0.0.1:{port}, database name does not answer: ")
    assert "refused" in check.finding
    assert check.advice.startswith("start it, or correct database_url")
    assert "s3cret" not in check.finding


def test_a_broker_that_is_away_is_said_without_its_password(settings: Settings) -> None:
    port = free_port()
    url = f"redis://:s3cret@127.0.0.1:{port}/0"
    check = _examine(settings.model_copy(update={"broker_url": url}))["broker"]
    assert check.health is Health.BAD
    assert check.finding.startswith(f"Redis at 127.0.0.1:{port} does not answer: ")
    assert "refused" in check.finding
    assert check.advice.startswith("start Redis, or correct broker_url")
    assert "s3cret" not in check.finding


def test_the_program_of_the_private_redis_is_named(settings: Settings) -> None:
    check, program = _examine(settings)["private Redis"], find_redis_server()
    assert program.version in check.finding
    assert program.path in check.finding
    assert (check.health is Health.NOTE) is program.is_bundled


@pytest.mark.parametrize(
    ("mode", "url", "health"),
    [
        (0o644, "postgresql://tb:secret@127.0.0.1:1/tb", Health.BAD),
        (0o640, "postgresql://tb:secret@127.0.0.1:1/tb", Health.NOTE),
        (0o644, "postgresql://127.0.0.1:1/tb?password=secret", Health.BAD),
        (0o600, "postgresql://tb:secret@127.0.0.1:1/tb", None),
        (0o644, "postgresql://tb@127.0.0.1:1/tb", None),
    ],
)
def test_a_readable_settings_file_with_a_password_is_named(
    place: Path, mode: int, url: str, health: Health | None
) -> None:
    file = place / "tbscreen.toml"
    file.write_text(f'database_url = "{url}"\n')
    file.chmod(mode)
    check = _examine(load_settings()).get("settings file")
    assert (check and check.health) is health
    assert check is None or ("database_url" in check.finding and "secret" not in check.finding)


def test_the_dicomweb_port_and_dicomweb_peers_are_asked(
    settings: Settings, certificates: Certificates, sqlite_database: Database, place: Path
) -> None:
    pair = certificates.gateway
    tls = ListenerTlsSettings(port=0, ca=certificates.ca, certificate=pair.certificate, key=pair.key)
    doors = {"tls": tls, "dicomweb": DicomwebSettings(port=free_port())}
    with (
        gateway(sqlite_database, place / "spool", 0, **doors) as running,
        stow_scp() as scp,
    ):
        peers = (
            PeerSettings(name="web", protocol=PeerProtocol.DICOMWEB, url=scp.url),
            PeerSettings(
                name="away", protocol=PeerProtocol.DICOMWEB, url=f"http://127.0.0.1:{free_port()}/x"
            ),
        )
        changed = settings.model_copy(update={"gateway": running.settings, "peers": peers})
        checks = _examine(changed)
    assert checks["gateway by DICOMweb"].health is Health.GOOD, checks["gateway by DICOMweb"]
    assert checks["gateway by DICOMweb"].finding.startswith("https://127.0.0.1:")
    assert checks["peer web"].finding == f"{scp.url} answers; no object was sent"
    assert "nothing answers" in checks["peer away"].finding
    assert scp.stored == {}
    assert "nothing answers" in _examine(changed)["gateway by DICOMweb"].finding


def test_a_full_disk_is_said(settings: Settings, database: Database) -> None:
    gateway = settings.gateway.model_copy(update={"reserved_disk_bytes": 10**18})
    check = _examine(settings.model_copy(update={"gateway": gateway}))["data directory"]
    assert check.health is Health.BAD
    assert "C-STORE answers 0xA700 below 1000000000.0 GB" in check.finding


def test_a_gateway_on_any_free_port_is_not_checked(settings: Settings) -> None:
    gateway = settings.gateway.model_copy(update={"port": 0})
    assert _examine(settings.model_copy(update={"gateway": gateway}))["gateway"].health is Health.NOTE


def test_a_gateway_with_a_port_for_tls_alone_is_called_over_tls(
    settings: Settings, certificates: Certificates, sqlite_database: Database, place: Path
) -> None:
    pair = certificates.gateway
    tls = ListenerTlsSettings(
        port=free_port(), ca=certificates.ca, certificate=pair.certificate, key=pair.key
    )
    alone = {"accept_plain": False, "tls": tls}
    changed = settings.model_copy(update={"gateway": settings.gateway.model_copy(update=alone)})
    assert "nothing answers" in _examine(changed)["gateway over TLS"].finding
    with gateway(sqlite_database, place / "other" / "spool", 0, **alone) as other:
        other.spool.lock()
        check = _examine(changed)["gateway over TLS"]
        other.spool.unlock()
    assert (check.health, check.advice) == (Health.BAD, "end that process, or change gateway.tls.port")
    other_place = f"answers C-ECHO, but not for {settings.data_directory.resolve()}: process "
    assert f", {IMPLEMENTATION_VERSION_NAME}, {other_place}" in check.finding
    assert check.finding.endswith(f"data in {(place / 'other').resolve()}")
    with gateway(sqlite_database, spool_directory(settings.data_directory), 0, **alone) as ours:
        ours.spool.lock()
        checks = _examine(changed)
        ours.spool.unlock()
    assert checks["gateway over TLS"].health is Health.GOOD
    assert "gateway" not in checks


def test_the_page_says_who_can_log_in_and_how_it_is_served(
    settings: Settings, database: Database, certificates: Certificates
) -> None:
    page = _examine(settings)["page"]
    assert (page.health, page.finding) == (Health.NOTE, "http://127.0.0.1:8080; no user can log in")
    assert page.advice == "run 'tbscreen users add NAME --role admin'"
    with database.write() as session:
        users.add(session, "rosa", Role.READER, "a hash")
    assert _examine(settings)["page"].health is Health.GOOD
    open_ = {"host": "192.0.2.1", "allow_unencrypted": True}
    checks = _examine(settings.model_copy(update={"web": WebSettings.model_validate(open_)}))
    assert "unencrypted; users: 1" in checks["page"].finding
    served = WebSettings(tls_certificate=certificates.gateway.certificate, tls_key=certificates.gateway.key)
    checks = _examine(settings.model_copy(update={"web": served}))
    assert checks["page"].finding.startswith("https://127.0.0.1:8080")
    assert "holds until" in checks["page TLS"].finding
    swapped = WebSettings(tls_certificate=certificates.gateway.key, tls_key=certificates.gateway.key)
    assert _examine(settings.model_copy(update={"web": swapped}))["page TLS"].health is Health.BAD


def test_a_gateway_that_does_not_let_this_host_in_is_up(
    settings: Settings, sqlite_database: Database, place: Path
) -> None:
    callers = (CallerSettings(ae_title="CR1", addresses=("192.0.2.1",)),)
    changed = settings.model_copy(
        update={"gateway": settings.gateway.model_copy(update={"callers": callers})}
    )
    with gateway(sqlite_database, place / "spool", settings.gateway.port, callers=callers):
        check = _examine(changed)["gateway"]
    assert check.health is Health.NOTE
    assert "does not let this host in" in check.finding


def test_without_an_active_bundle_films_wait(settings: Settings, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Model).values(active=False))
    check = _examine(settings)["model bundle"]
    assert (check.health, check.finding) == (Health.BAD, "none is active; films wait")


@pytest.mark.parametrize("damage", [b"damaged", None])
def test_a_damaged_bundle_is_noticed(settings: Settings, database: Database, damage: bytes | None) -> None:
    with database.write() as session:
        if damage is None:
            session.query(BundleChunk).delete()
        else:
            session.execute(update(BundleChunk).values(content=damage))
    check = _examine(settings)["model bundle"]
    assert check.health is Health.BAD
    assert "register it again" in check.advice


def test_a_trained_bundle_is_well(settings: Settings, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Model).values(trained=True))
    with database.read() as session:
        active = bundles.find_active(session)
    assert active is not None
    check = _examine(settings)["model bundle"]
    assert (check.health, check.advice) == (Health.GOOD, "")
    assert active.digest[:12] in check.finding


@pytest.mark.parametrize(
    ("column", "said"),
    [("trust", "no trusted site key has signed it"), ("golden_scores", "its golden scores are not known")],
)
def test_a_bundle_that_nobody_vouches_for_is_noted(
    settings: Settings, database: Database, column: str, said: str
) -> None:
    with database.write() as session:
        session.execute(update(BundleAdmission).values({column: None}))
    check = _examine(settings)["model bundle"]
    assert check.health is Health.NOTE
    assert said in check.finding
    assert "models activate" in check.advice


def test_parked_reports_are_counted(settings: Settings, database: Database) -> None:
    _screen_one(database)
    rows.report(database, ["first", "second"])
    with database.write() as session:
        for number in session.scalars(select(Delivery.id)).all():
            deliveries.park(session, number, "0xA900")
    check = _examine(settings)["reports"]
    assert (check.health, check.finding) == (Health.BAD, "2 refused by a peer and parked")


def test_reports_that_cannot_be_built_are_counted(settings: Settings, database: Database) -> None:
    _screen_one(database)
    with database.write() as session:
        entry = session.scalars(select(OutboxEntry)).one()
        outbox.postpone(session, entry.id, timedelta(hours=1), "no study date")
    check = _examine(settings)["reports"]
    assert (check.health, check.finding) == (Health.BAD, "1 could not be built")
    with database.write() as session:
        outbox.park(session, entry.id, "no study date")
    check = _examine(settings)["reports"]
    assert (check.health, check.finding) == (Health.BAD, "1 cannot be built and are parked")
    assert "tbscreen deliveries unbuilt" in check.advice


def test_films_that_do_not_end_are_named(settings: Settings, database: Database) -> None:
    rows.receive(database, "1.2.3.1")
    assert _examine(settings)["films"].health is Health.GOOD
    _screen_one(database)
    with database.write() as session:
        session.execute(update(Instance).values(received_at=now() - timedelta(hours=2, minutes=1)))
        session.execute(update(Screening).values(finished_at=now() - timedelta(minutes=45)))
    check = _examine(settings)["films"]
    assert check.health is Health.BAD
    waiting, unreported = (film_key(f"1.2.3.{number}")[:12] for number in (1, 7))
    assert f"{waiting} (received, 2 h 1 min)" in check.finding
    assert f"{unreported} (screened, not reported, 0 h 45 min)" in check.finding


def test_an_untrained_bundle_is_named(settings: Settings, database: Database) -> None:
    rows.register_model(database, trained=False)
    check = _examine(settings)["model bundle"]
    assert check.health is not Health.GOOD


def test_senders_of_a_peer_s_answers_are_named(settings: Settings, database: Database) -> None:
    answers = AnswerSettings(ae_titles=("COMMIT",), addresses=("192.0.2.0/24",))  # type: ignore[arg-type]
    pacs = PeerSettings(name="pacs", ae_title="PACS", host="127.0.0.1", port=free_port(), answers=answers)
    settings = settings.model_copy(update={"peers": (pacs,)})
    check = _examine(settings)["answers of pacs"]
    assert check.health is Health.NOTE
    assert check.finding == "believed from AE titles COMMIT; addresses 192.0.2.0/24, too"
    with database.write() as session:
        session.add(
            Commitment(transaction_uid="2.25.91", peer="pacs", state="open", requested_at=now(), due_at=now())
        )
    with database.write() as session:
        commitment_requests.note_doubted(session, "2.25.91", "STRANGER at 192.0.2.9")
    found = [check for check in examine(settings) if check.part == "answers of pacs"]
    assert [check.health for check in found] == [Health.BAD, Health.NOTE]
    assert "STRANGER at 192.0.2.9" in found[0].finding


def test_peers_without_role_selection_and_peers_that_never_answer_are_named(
    settings: Settings, database: Database
) -> None:
    pacs = PeerSettings(
        name="pacs",
        ae_title="PACS",
        host="127.0.0.1",
        port=free_port(),
        commitment_roles=CommitmentRoleRule.LENIENT,
    )
    settings = settings.model_copy(update={"peers": (pacs,)})
    assert _examine(settings)["commitment roles of pacs"].health is Health.NOTE
    for number, (peer, state) in enumerate(
        (("silent", "lapsed"), ("silent", "open"), ("slow", "lapsed"), ("slow", "answered"), ("new", "open"))
    ):
        with database.write() as session:
            uid = f"2.25.{number + 1}"
            session.add(
                Commitment(transaction_uid=uid, peer=peer, state=state, requested_at=now(), due_at=now())
            )
    named = [check for check in examine(settings) if check.part.startswith("commitment of ")]
    assert [check.part for check in named] == ["commitment of silent"]
    assert 'commitment_roles = "lenient"' in named[0].advice


def _screen_one(database: Database) -> None:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database, "1.2.3.7"))


def _examine(settings: Settings) -> dict[str, Check]:
    return {check.part: check for check in examine(settings)}
