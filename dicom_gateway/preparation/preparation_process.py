"""The child process that prepares films; its answers are msgpack and validated (`preparation_message`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from pathlib import Path

import structlog

from dicom_gateway.log_redaction import locate
from dicom_gateway.pixels.decoding_process import DecodingProcess, begin
from dicom_gateway.preparation.film_preparation import Preparation, prepare
from dicom_gateway.preparation.preparation_message import (
    MAX_ANSWER_BYTES,
    PreparationEnd,
    pack_answer,
    pack_request,
    unpack_answer,
    unpack_request,
)
from dicom_gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)


class PreparationProcess:
    """A child process that prepares one film at a time and is replaced when it dies or hangs.

    Args:
        settings: of the gateway.
        ended_idle: called when the child has died while it had no film.
    """

    def __init__(self, settings: GatewaySettings, ended_idle: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._child = DecodingProcess(_serve, settings, ended_idle)

    def prepare(
        self,
        path: Path,
        calling_ae_title: str,
        own_digests: Collection[str] = (),
        *,
        header_only: bool = False,
    ) -> Preparation | None:
        """Prepare a film in the child; return None when it died, timed out or gave a malformed answer."""
        request = pack_request(path, calling_ae_title, own_digests, header_only=header_only)
        try:
            content = self._child.ask(request, MAX_ANSWER_BYTES, self._settings.preparation_timeout_s)
            answer = unpack_answer(content)
            if isinstance(answer, Preparation):
                return answer
            log.error(
                "preparation ended", error=answer.error, at=answer.at
            )  # logged here, where the film is bound to the log
        except (EOFError, OSError):
            pass
        except ValueError:
            log.error("preparation gave a malformed answer")
        self.close()
        return None

    def close(self) -> None:
        """End the child."""
        self._child.close()

    def open(self) -> None:
        """Start the child unless one is alive, and wait until it is ready."""
        self._child.open()


def _serve(connection: Connection, settings: GatewaySettings) -> None:
    """Run the child: prepare the requested films until the gateway closes the connection."""
    begin(connection, settings)
    while True:
        try:
            path, calling_ae_title, own_digests, header_only = unpack_request(connection.recv_bytes())
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer = prepare(path, calling_ae_title, settings, own_digests, header_only=header_only)
            connection.send_bytes(pack_answer(answer))
        except Exception as error:  # noqa: BLE001  multiprocessing would print the error, which may quote the header
            connection.send_bytes(pack_answer(PreparationEnd(error=type(error).__name__, at=locate(error))))
            return
