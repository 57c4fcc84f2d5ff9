"""Films are prepared in a child process: a decoder that crashes or hangs takes nothing else with it."""

from __future__ import annotations

import multiprocessing
import os
import resource
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import structlog

from dicom_gateway.log_redaction import locate, silence_quoting
from dicom_gateway.preparation import Preparation, prepare
from dicom_gateway.settings import GatewaySettings

BEHIND_RECEPTION: Final = 5
"""A sender waits while its film is received, and nobody while it is decoded."""

CHILD_START_TIMEOUT_S: Final = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PreparationEnd:
    """What a child that ends has met."""

    error: str
    at: str
    """File and line."""


class PreparationProcess:
    """One child process that prepares one film at a time; replaced when it dies or hangs."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def prepare(self, path: Path, calling_ae_title: str) -> Preparation | None:
        """Prepare a film in the child, or return None when it died or took too long."""
        try:
            connection = self.open()
            connection.send((str(path), calling_ae_title))
            if connection.poll(self._settings.preparation_timeout_s):
                answer = connection.recv()
                if isinstance(answer, Preparation):
                    return answer
                if isinstance(answer, PreparationEnd):  # told here, where the log knows the film
                    log.error("preparation ended", error=answer.error, at=answer.at)
        except (EOFError, OSError):
            pass
        self.close()
        return None

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def open(self) -> Connection:
        """Start the child, if there is none alive, and wait until it is up."""
        if self._process is not None and not self._process.is_alive():
            self.close()
        if self._connection is None:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
            process.start()
            theirs.close()
            self._process, self._connection = process, ours
            try:
                if not ours.poll(CHILD_START_TIMEOUT_S):
                    raise TimeoutError("the preparation process does not start")
                ours.recv()
            except (EOFError, OSError):
                # A child whose greeting comes late would be one answer behind: one film's array under
                # another film's name.
                self.close()
                raise
        return self._connection


def _serve(connection: Connection, settings: GatewaySettings) -> None:
    """The child's life: prepare what is asked for until the gateway hangs up."""
    silence_quoting()
    os.nice(BEHIND_RECEPTION)
    limit = settings.preparation_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection.send("up")
    while True:
        try:
            path, calling_ae_title = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            connection.send(prepare(Path(path), calling_ae_title, settings))
        except Exception as error:  # noqa: BLE001  multiprocessing would print what it quotes of the header
            connection.send(PreparationEnd(type(error).__name__, locate(error)))
            return
