"""The user agent of the Store transaction (PS3.18 10.5): sends objects to a peer by STOW-RS."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

from db.delivery.deliveries import DueDelivery
from dicom_gateway.association.web_connection import NoAnswerError, WebConnection
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.delivery_attempt import AUDITED_AS, DeliveryAttempt
from dicom_gateway.delivery.sent_objects import decompress
from dicom_gateway.delivery.stow_answer import Verdict, judge
from dicom_gateway.settings import CourierSettings, PeerSettings
from sending.send_result import SendResult


def send(
    peer: PeerSettings,
    deliveries: Sequence[DueDelivery],
    settings: CourierSettings,
    audit: AuditTrail | None = None,
) -> Iterator[DeliveryAttempt]:
    """Send objects over one connection, one in each request, and yield each attempt when its result is known.

    The first attempt that finds the peer in trouble is the last; the remaining deliveries are not tried.
    `audit` records each attempt.
    """
    try:
        connection = WebConnection(peer, settings.network_timeout_s)
    except NoAnswerError as error:
        yield DeliveryAttempt(deliveries[0], SendResult.TRANSIENT, str(error), in_trouble=True)
        return
    try:
        for delivery in deliveries:
            sending = None if audit is None else audit.record_sending(peer, delivery.part10)
            verdict = _send_object(connection, delivery)
            if audit is not None and sending is not None:
                audit.record_sent(sending, AUDITED_AS[verdict.result], verdict.reason)
            yield DeliveryAttempt(delivery, verdict.result, verdict.reason, verdict.in_trouble)
            if verdict.in_trouble:
                return
    finally:
        connection.close()


def probe(peer: PeerSettings, timeout_s: float) -> str | None:
    """Ask a peer for OPTIONS, without an object; return the reason why it takes no Store request, or None."""
    try:
        with_peer = WebConnection(peer, timeout_s)
        try:
            status = with_peer.ask("OPTIONS", "/studies", b"", {}).status
        finally:
            with_peer.close()
    except NoAnswerError as error:
        return str(error)
    if status in (405, 406, 501):  # it is there, and has no OPTIONS
        return None
    return None if status < 400 else judge(status, b"", "").reason


def _send_object(connection: WebConnection, delivery: DueDelivery) -> Verdict:
    try:
        verdict = _post(connection, delivery.part10, delivery.sop_instance_uid)
        if verdict.wants_other_syntax:
            decompressed = decompress(delivery.part10)
            if decompressed is not None:
                verdict = _post(connection, decompressed, delivery.sop_instance_uid)
    except NoAnswerError as error:
        return Verdict(SendResult.TRANSIENT, str(error), True)
    return verdict


def _post(connection: WebConnection, part10: bytes, sop_instance_uid: str) -> Verdict:
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Accept": "application/dicom+json",
    }
    body = head + part10 + f"\r\n--{boundary}--\r\n".encode()
    answer = connection.ask("POST", "/studies", body, headers)
    return judge(answer.status, answer.body, sop_instance_uid)
