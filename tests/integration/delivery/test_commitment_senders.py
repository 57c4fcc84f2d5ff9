"""Storage commitment results from others than the peer that was asked: answered, and not believed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.presentation import build_role
from structlog.testing import capture_logs

from db.clock import now
from db.database import Database
from db.delivery import commitment_requests, commitments, deliveries
from db.tables import Commitment, CommitmentItem
from dicom_gateway.association.answer_settings import AnswerSettings
from dicom_gateway.association.tls_settings import ListenerTlsSettings
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.settings import CommitmentRoleRule, PeerSettings
from tests.integration.delivery.couriers import courier, look, make_reports, peer
from tests.integration.listening import Listening, gateway
from tests.servers.certificates import Certificates
from tests.servers.peers.commitment_scp import AE_TITLE, COMMITMENT, INSTANCE, commitment_scp
from tests.servers.ports import free_port, wait_until

TRANSACTION = "2.25.91"
VERIFICATION = "1.2.840.10008.1.1"


@pytest.fixture
def uid(sqlite_database: Database, tmp_path: Path) -> str:
    """The UID of one report that the peer "archive" has, and of which commitment was requested."""
    (uid,) = make_reports(sqlite_database, 1, ["archive"], tmp_path)
    with sqlite_database.write() as session:
        (due,) = deliveries.lease_due(session, timedelta(minutes=5), 9)
        deliveries.mark_delivered(session, due.delivery_id)
        commitments.want(session, due.delivery_id, timedelta(0))
    with sqlite_database.write() as session:
        assert commitment_requests.begin(session, "archive", TRANSACTION, timedelta(hours=1), 9)
    return uid


@contextmanager
def listening(database: Database, folder: Path, archive: PeerSettings) -> Iterator[Listening]:
    with gateway(database, folder / "spool", 0, peers=[archive]) as scp:
        yield scp


def report(
    port: int,
    uid: str,
    ae_title: str,
    *,
    instance: str = INSTANCE,
    tls: ssl.SSLContext | None = None,
    local: str = "127.0.0.1",
    proposes_role: bool = True,
) -> int | None:
    """Report the object as committed, as `ae_title` from the address `local`; return the gateway's status.

    None means that the gateway refused the presentation context.
    """
    information, item = Dataset(), Dataset()
    information.TransactionUID = TRANSACTION
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    item.ReferencedSOPInstanceUID = uid
    information.ReferencedSOPSequence = [item]
    ae = AE(ae_title=ae_title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
    association = ae.associate(
        "127.0.0.1",
        port,
        contexts=[build_context(COMMITMENT), build_context(VERIFICATION)],
        ae_title="TBSCREEN",
        ext_neg=[build_role(COMMITMENT, scp_role=True)] if proposes_role else [],
        bind_address=(local, 0),
        tls_args=None if tls is None else (tls, "localhost"),
    )
    assert association.is_established
    try:
        accepted = [
            context for context in association.accepted_contexts if context.abstract_syntax == COMMITMENT
        ]
        if not accepted:
            return None
        accepted[0]._as_scp = True  # an archive that reports as SCP, whatever was negotiated
        status, _ = association.send_n_event_report(information, 1, COMMITMENT, instance)
        return int(status.Status)
    finally:
        association.release()


def state(database: Database) -> str:
    with database.read() as session:
        return str(session.query(CommitmentItem).one().state)


def test_a_result_is_believed_only_from_the_peer_that_was_asked(
    sqlite_database: Database, tmp_path: Path, uid: str
) -> None:
    archive = peer("archive", "ARCHIVE", 104, commitment=True)
    with listening(sqlite_database, tmp_path, archive) as scp, capture_logs() as logs:
        (port,) = scp.ports
        assert report(port, uid, "MODALITY") == 0x0110
        assert report(port, uid, "ARCHIVE", local="127.0.0.2") == 0x0110
        assert state(sqlite_database) == "asked"
        with sqlite_database.read() as session:
            doubted = commitment_requests.list_doubted(session, now() - timedelta(hours=1))
        assert doubted == {"archive": "ARCHIVE at 127.0.0.2"}
        told = [line for line in logs if line["event"] == "commitment report not believed"]
        assert [line["caller"] for line in told] == ["MODALITY", "ARCHIVE"]
        assert report(port, uid, "ARCHIVE") == 0x0000
        assert state(sqlite_database) == "committed"


def test_a_result_in_a_role_that_was_not_proposed_is_refused_at_negotiation(
    sqlite_database: Database, tmp_path: Path, uid: str
) -> None:
    archive = peer("archive", "ARCHIVE", 104, commitment=True)
    with listening(sqlite_database, tmp_path, archive) as scp, capture_logs() as logs:
        assert report(scp.ports[0], uid, "ARCHIVE", proposes_role=False) is None
        assert state(sqlite_database) == "asked"
        (told,) = [line for line in logs if line["event"] == "storage commitment refused"]
        assert (told["caller"], told["address"]) == ("ARCHIVE", "127.0.0.1")
        assert report(scp.ports[0], uid, "ARCHIVE") == 0x0000


def test_a_lenient_peer_need_not_propose_its_role(
    sqlite_database: Database, tmp_path: Path, uid: str
) -> None:
    lenient = {"commitment_roles": CommitmentRoleRule.LENIENT}
    archive = peer("archive", "ARCHIVE", 104, commitment=True).model_copy(update=lenient)
    with listening(sqlite_database, tmp_path, archive) as scp:
        assert report(scp.ports[0], uid, "MODALITY", proposes_role=False) is None
        assert report(scp.ports[0], uid, "ARCHIVE", local="127.0.0.2", proposes_role=False) is None
        assert report(scp.ports[0], uid, "ARCHIVE", proposes_role=False) == 0x0000
        assert state(sqlite_database) == "committed"


def test_a_result_about_something_else_than_storage_commitment_is_none(
    sqlite_database: Database, tmp_path: Path, uid: str
) -> None:
    archive = peer("archive", "ARCHIVE", 104, commitment=True)
    with listening(sqlite_database, tmp_path, archive) as scp:
        assert report(scp.ports[0], uid, "ARCHIVE", instance="1.2.3.4") == 0x0112
        assert state(sqlite_database) == "asked"


def test_an_archive_that_answers_from_elsewhere_is_believed_as_configured(
    sqlite_database: Database, tmp_path: Path, uid: str
) -> None:
    answers = AnswerSettings(ae_titles=("COMMIT",), addresses=("127.0.0.2",))  # type: ignore[arg-type]
    archive = peer("archive", "ARCHIVE", 104, commitment=True).model_copy(update={"answers": answers})
    with listening(sqlite_database, tmp_path, archive) as scp:
        assert report(scp.ports[0], uid, "COMMIT", local="127.0.0.3") == 0x0110
        assert report(scp.ports[0], uid, "COMMIT", local="127.0.0.2") == 0x0000
        assert state(sqlite_database) == "committed"


def test_a_result_is_believed_by_the_name_in_the_sender_s_certificate(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates, uid: str
) -> None:
    answers = AnswerSettings(certificate_names=("modality",))
    archive = peer("archive", "ARCHIVE", 104, commitment=True).model_copy(update={"answers": answers})
    own = certificates.gateway
    tls = ListenerTlsSettings(port=0, ca=certificates.ca, certificate=own.certificate, key=own.key)
    with gateway(sqlite_database, tmp_path / "spool", 0, peers=[archive], tls=tls) as scp:
        plain, encrypted = scp.ports
        other, right = (ssl.create_default_context(cafile=certificates.ca) for _ in range(2))
        other.load_cert_chain(certificates.elsewhere.certificate, certificates.elsewhere.key)
        right.load_cert_chain(certificates.modality.certificate, certificates.modality.key)
        assert report(plain, uid, "ARCHIVE") == 0x0110
        assert report(encrypted, uid, "ARCHIVE", tls=other) == 0x0110
        assert state(sqlite_database) == "asked"
        assert report(encrypted, uid, "ARCHIVE", tls=right) == 0x0000
        assert state(sqlite_database) == "committed"


def test_a_peer_answers_on_our_association_for_itself_alone(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """The peer "archive" reports on the request to the peer "pacs", on our association to "archive"."""
    make_reports(sqlite_database, 1, ["archive"], tmp_path)
    _ask_pacs(sqlite_database)
    with (
        commitment_scp(tmp_path / "archive", "--transaction", TRANSACTION) as archive,
        courier(
            sqlite_database,
            [peer("archive", AE_TITLE, archive.port, commitment=True), peer("pacs", "PACS", free_port())],
            commitment=CommitmentSettings(delay_s=0, wait_s=1),
        ),
    ):
        wait_until(lambda: archive.requests("refused") == 1, 30, "the report is refused")
    with sqlite_database.read() as session:
        assert commitment_requests.list_doubted(session, now() - timedelta(hours=1)) == {"pacs": AE_TITLE}
    assert look(sqlite_database, "archive").commitments == ["asked"]


def _ask_pacs(database: Database) -> None:
    """Write an open request to the peer "pacs"."""
    moment = now()
    with database.write() as session:
        session.add(
            Commitment(
                transaction_uid=TRANSACTION,
                peer="pacs",
                state="open",
                requested_at=moment,
                due_at=moment + timedelta(hours=1),
            )
        )
