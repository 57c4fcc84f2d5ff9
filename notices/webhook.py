"""Sends notices by HTTP: one signed POST for each, with the event's identifier as its idempotency key."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from db.notices.notice_outbox import DueNotice
from notices.notice_attempt import NoticeAttempt, UnreachableError, build_context, explain, limited
from notices.notice_settings import WebhookSettings
from notices.permitted_address import ForbiddenAddressError, connect
from notices.secrets import NoSecretError, read_secret
from notices.signature import sign
from sending.send_result import SendResult

SHORTEST_SECRET: Final = 16
LATER: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which the same request may be accepted later (RFC 9110, RFC 8470, RFC 6585)."""


def send(webhook: WebhookSettings, rows: Sequence[DueNotice]) -> Iterator[NoticeAttempt]:
    """Send notices in order; yield each attempt at once, and end after one that finds trouble."""
    for row in rows:
        attempt = _attempt(webhook, row)
        yield attempt
        if attempt.in_trouble:
            return


def _attempt(webhook: WebhookSettings, row: DueNotice) -> NoticeAttempt:
    try:
        status = post(webhook, row.content)
    except (UnreachableError, NoSecretError) as error:
        return NoticeAttempt(row, SendResult.TRANSIENT, str(error), in_trouble=True)
    except ForbiddenAddressError as error:
        return NoticeAttempt(row, SendResult.PERMANENT, str(error))
    if 200 <= status < 300:
        return NoticeAttempt(row, SendResult.DELIVERED)
    if 300 <= status < 400:
        return NoticeAttempt(row, SendResult.PERMANENT, f"status {status}: redirects are not followed")
    if status >= 500 or status in LATER:
        return NoticeAttempt(row, SendResult.TRANSIENT, f"status {status}", in_trouble=True)
    return NoticeAttempt(row, SendResult.PERMANENT, f"status {status}")


def post(webhook: WebhookSettings, content: Mapping[str, Any]) -> int:
    """Send one request and return the status of its answer, whose body is not read.

    Raises:
        UnreachableError: when no answer came.
        ForbiddenAddressError: when the name leads to an address to which nothing is sent.
        NoSecretError: when there is no secret to sign with.
    """
    secret = read_secret(
        f"notices.webhooks {webhook.name}", webhook.secret_file, webhook.secret_variable, SHORTEST_SECRET
    )
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    timestamp = int(time.time())
    place = urlsplit(webhook.url)
    host, port = str(place.hostname), place.port or (443 if place.scheme == "https" else 80)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "tbscreen",
        "Idempotency-Key": str(content["id"]),
        "Tbscreen-Timestamp": str(timestamp),
        "Tbscreen-Signature": sign(secret, timestamp, body),
        "Connection": "close",
    }
    context = build_context(webhook.ca) if place.scheme == "https" else None
    connection = http.client.HTTPConnection(host, port, timeout=webhook.timeout_s)
    connection.default_port = 443 if context else 80  # for the Host header
    connection.auto_open = 0
    try:
        with limited(webhook.timeout_s, f"{host}:{port}", lambda: connection.sock):
            connection.sock = connect(host, port, webhook.timeout_s)
            if context is not None:
                connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
            path = (place.path or "/") + (f"?{place.query}" if place.query else "")
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
    except OSError as error:
        raise UnreachableError(explain(error, f"{host}:{port}")) from None
    except http.client.HTTPException as error:
        reason = f"{host}:{port} does not answer in HTTP ({type(error).__name__})"
        raise UnreachableError(reason) from None
    finally:
        connection.close()


def probe(webhook: WebhookSettings) -> str | None:
    """Connect, with the TLS handshake, and send nothing; return what is wrong, or None."""
    place = urlsplit(webhook.url)
    host, port = str(place.hostname), place.port or (443 if place.scheme == "https" else 80)
    try:
        read_secret("secret", webhook.secret_file, webhook.secret_variable, SHORTEST_SECRET)
        connected: socket.socket = connect(host, port, webhook.timeout_s)
        with connected:
            if place.scheme == "https":
                build_context(webhook.ca).wrap_socket(connected, server_hostname=host).close()
    except (UnreachableError, NoSecretError, ForbiddenAddressError) as error:
        return str(error)
    except OSError as error:
        return explain(error, f"{host}:{port}")
    return None
