"""The side of a predicting process: a network that a device process computes, one question at a time."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog

from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle
from domain.errors import PermanentError, TransientError
from worker.batches.device_messages import (
    ANSWER,
    FILM_BYTES,
    LONGEST_HEAT,
    LONGEST_JSON,
    Answer,
    AnswerKind,
    Question,
    QuestionKind,
    read_answer,
)
from worker.bundle_cache import BundleCache
from worker.screening_network import Scores, ScreeningNetwork
from worker.time_limit import put_off_time_limit

NO_BUNDLE: Final = "0" * 64
UNREAD: Final = "the device process ended or does not answer"

log = structlog.get_logger(__name__)


class DeviceGoneError(TransientError):
    """The device process ended before it answered."""


class DeviceLink:
    """The connection of a predicting process to its device process.

    Args:
        address: path of the Unix socket of the device process.
        cache: of bundles.
    """

    def __init__(self, address: str, cache: BundleCache) -> None:
        self._address = address
        self._cache = cache
        self._socket: socket.socket | None = None

    @put_off_time_limit()
    def open(self, digest: str) -> ScreeningNetwork:
        """Return the network of a registered bundle; the device process has loaded it.

        Raises:
            PermanentError: when the bundle cannot be loaded.
            TransientError: when the database does not answer there, or the device process ended.
        """
        bundle = self._cache.open(digest)
        answer = self.ask(Question(QuestionKind.OPEN, digest))
        return DeviceNetwork(bundle, self, str(answer.facts["runtime"]), str(answer.facts["precision"]))

    def wait_until_ready(self, patience_s: float) -> None:
        """Wait until the device process takes films: no attempt of a film is spent on a start.

        Args:
            patience_s: longest wait, seconds.

        Raises:
            DeviceGoneError: when it ends first, or is not ready in time.
        """
        connection = self._connect()
        connection.settimeout(patience_s)
        try:
            self.ask(Question(QuestionKind.READY, NO_BUNDLE))
        finally:
            if self._socket is connection:
                connection.settimeout(None)

    def ask(self, question: Question) -> Answer:
        """Send a question and wait for its answer, for as long as the task may last.

        Raises:
            DeviceGoneError: when the device process ends first.
            PermanentError: when it cannot load the bundle.
            TransientError: when its database does not answer.
            MemoryError, ArithmeticError: when the prediction failed.
        """
        try:
            answer = self._exchange(question)
        except BaseException:  # a soft time limit, too: the answer would be taken for that of the next film
            self.close()
            raise
        reason = str(answer.facts.get("reason", ""))
        match answer.kind:
            case AnswerKind.DONE:
                return answer
            case AnswerKind.BROKEN_BUNDLE:
                raise PermanentError(reason)
            case AnswerKind.TROUBLE:
                raise TransientError(reason)
            case AnswerKind.NO_MEMORY:
                raise MemoryError(reason)
            case AnswerKind.FAILED:
                raise ArithmeticError(reason)

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, question: Question) -> Answer:
        try:
            connection = self._connect()
            connection.sendall(question.to_bytes())
            kind, text_bytes, heat_bytes = ANSWER.unpack(_receive(connection, ANSWER.size))
            if text_bytes > LONGEST_JSON or heat_bytes > LONGEST_HEAT:
                raise ValueError("the answer of a device process is too long")
            return read_answer(kind, _receive(connection, text_bytes), _receive(connection, heat_bytes))
        except (OSError, EOFError) as error:
            raise DeviceGoneError(UNREAD) from error

    def _connect(self) -> socket.socket:
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self.close()  # it ended while nothing was asked
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            # Room for a film in one piece.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * FILM_BYTES)
            self._socket.connect(self._address)
        return self._socket


class DeviceNetwork(ScreeningNetwork):
    """The network of a bundle in a device process.

    Args:
        bundle: verified.
        link: to the device process.
        runtime: name of the runtime there.
        precision: its precision.
    """

    def __init__(self, bundle: Bundle, link: DeviceLink, runtime: str, precision: str) -> None:
        self.bundle = bundle
        self._link = link
        self._names = (runtime, precision)
        self._is_alone = False

    @property
    def runtime_name(self) -> str:
        """The runtime, `keras` or `openvino`."""
        return self._names[0]

    @property
    def precision(self) -> str:
        """The precision, `float32` or `bfloat16`."""
        return self._names[1]

    @contextmanager
    def taking_turn(self, *, alone: bool) -> Iterator[bool]:
        """Wait until the device is free of other films, if `alone`.

        Yields:
            `alone`: other films fail with a film that is computed with them, and none of them is blamed.
        """
        if alone:
            self._link.ask(Question(QuestionKind.TURN, self.bundle.digest))
        self._is_alone = alone
        try:
            yield alone
        except BaseException:  # the turn may be unused
            self._link.close()
            raise
        finally:
            self._is_alone = False

    def predict_with_heat(
        self, arrays: npt.NDArray[np.float32]
    ) -> tuple[Scores, npt.NDArray[np.float32] | None]:
        """Score films, each perhaps together with those of other predicting processes.

        Arguments and result as of `ScreeningNetwork.predict_with_heat`. A film that ends the device process
        while it is alone ends this one too, so that the worker judges it like one that predicted by itself.

        Raises:
            ValueError: when `arrays` has another shape.
            DeviceGoneError: when the device process ended with this film and others.
            ArithmeticError, MemoryError: when the prediction failed.
            TransientError: when the device process is a new one and cannot load the bundle.
        """
        if arrays.ndim != 3 or arrays.shape[1:] != (SPEC.rows, SPEC.columns):
            raise ValueError(f"films have the shape (n, {SPEC.rows}, {SPEC.columns}), not {arrays.shape}")
        answers = [self._score(array) for array in arrays]
        scores = np.array([float(answer.facts["score"]) for answer in answers])
        heat = [answer.heat for answer in answers if answer.heat is not None]
        return scores, np.stack(heat) if heat else None

    def _score(self, array: npt.NDArray[np.float32]) -> Answer:
        try:
            return self._link.ask(Question(QuestionKind.SCORE, self.bundle.digest, array))
        except DeviceGoneError:
            if self._is_alone:
                log.error("the device process ended with one film alone")
                os.kill(os.getpid(), signal.SIGKILL)
            raise
        except PermanentError as error:  # of the bundle, and no fault of the film
            raise TransientError(str(error)) from error


def _receive(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes.

    Raises:
        EOFError: when the other side ends first.
    """
    content = bytearray()
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise EOFError
        content += part
    return bytes(content)
