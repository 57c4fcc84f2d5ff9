"""Store requests, sent byte by byte, and the tokens with which they are sent."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.accounts import api_tokens, users
from db.database import Database
from domain.roles import Permission, Role
from domain.secret_words import TOKEN_PREFIX, hash_secret, make_secret

BOUNDARY = "film-by-film"
CONTENT_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
STUDIES = "/dicom-web/studies"
END = f"--{BOUNDARY}--\r\n".encode()
"""After the last part."""


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def model(self) -> dict[str, Any]:
        """The body as DICOM JSON Model."""
        model: dict[str, Any] = json.loads(self.body)
        return model

    def list_uids(self, sequence: str) -> list[str]:
        """Return the SOP Instance UIDs in a sequence, by its tag."""
        return [item["00081155"]["Value"][0] for item in self.model.get(sequence, {}).get("Value", [])]

    def list_reasons(self, sequence: str) -> list[int]:
        """Return the failure reasons in a sequence, by its tag."""
        return [item["00081197"]["Value"][0] for item in self.model.get(sequence, {}).get("Value", [])]

    @property
    def stored(self) -> list[str]:
        """SOP Instance UIDs of the Referenced SOP Sequence (0008,1199)."""
        return self.list_uids("00081199")


def make_token(
    database: Database, label: str = "MODALITY", scopes: Sequence[Permission] = (Permission.STORE,)
) -> str:
    """Return a new token of an administrator."""
    secret = make_secret(TOKEN_PREFIX)
    with database.write() as session:
        found = users.find_credentials(session, "admin")
        user = users.add(session, "admin", Role.ADMIN, "nobody logs in") if found is None else found.user
        api_tokens.issue(session, user, label, hash_secret(secret), scopes, None)
    return secret


def encode_part(content: bytes, media_type: str = "application/dicom") -> bytes:
    """Return one part with its boundary before it."""
    return f"--{BOUNDARY}\r\nContent-Type: {media_type}\r\n\r\n".encode() + content + b"\r\n"


def encode_body(films: Iterable[Path]) -> bytes:
    """Return the body of a request for films."""
    return b"".join(encode_part(film.read_bytes()) for film in films) + END


def post(
    port: int,
    body: bytes | Iterable[bytes],
    token: str | None,
    target: str = STUDIES,
    context: ssl.SSLContext | None = None,
    **headers: str,
) -> Answer:
    """Send a request and return its answer.

    Args:
        port: of 127.0.0.1.
        body: sent with its length; pieces are sent as chunks.
        token: None for none.
        target: path of the request.
        context: for TLS; None without.
        headers: further ones, with underscores for hyphens; they replace those of the request.
    """
    sent = {"Content-Type": CONTENT_TYPE, **({"Authorization": f"Bearer {token}"} if token else {})}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = (
        http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        if context is None
        else http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    )
    try:
        connection.request("POST", target, body, sent)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()
