"""The device process: computes the films of several predicting processes, those that wait in one pass.

It never waits for more films than there are: while it computes, others arrive, and they are the next batch.
One that raises an error is split, and only the film whose computation fails alone is told of it. A
film that was begun before has a turn of its own, since it may have ended this process.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import structlog
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import PermanentError
from worker import metrics
from worker.batches.device_messages import Answer, AnswerKind, Question, QuestionKind, QuestionReader
from worker.watchdog import BEAT_S, Heartbeats

if TYPE_CHECKING:
    from worker.screening_network import ScreeningNetwork

KEPT_NETWORKS: Final = 3
"""The active bundle, the one before it and the one in the shadow."""
TURN_S: Final = 10.0
"""Time in which a predicting process that has its turn sends its film; it is a moment unless it hangs."""
PART: Final = 1 << 20

log = structlog.get_logger(__name__)


class Opener(Protocol):
    """Loads networks in a device process (`worker.network_opener.NetworkOpener`)."""

    def open(self, digest: str) -> ScreeningNetwork:
        """Return the network of a registered bundle."""
        ...

    def find_active(self) -> str | None:
        """Return the digest of the active bundle, if there is one."""
        ...


@dataclass(eq=False)
class Asker:
    """A predicting process that is connected."""

    connection: socket.socket
    reader: QuestionReader = field(default_factory=QuestionReader)


class DeviceProcess:
    """The loop of a device process.

    Args:
        listener: bound Unix socket; each predicting process connects to it.
        opener: loads networks.
        batch: most films in one pass.
        heartbeats: shared with the worker, which kills this process when it is silent.
        is_wanted: False ends the loop.
    """

    def __init__(
        self,
        listener: socket.socket,
        opener: Opener,
        batch: int,
        heartbeats: Heartbeats,
        is_wanted: Callable[[], bool],
    ) -> None:
        self._listener, self._opener, self._batch = listener, opener, batch
        self._heartbeats, self._is_wanted = heartbeats, is_wanted
        self._selector = selectors.DefaultSelector()
        self._networks: dict[str, ScreeningNetwork] = {}
        self._waiting: deque[tuple[Asker, Question]] = deque()
        self._turns: deque[Asker] = deque()
        self._unready: deque[Asker] = deque()
        """They asked whether films are taken: not while one is alone, since it may be one that hangs."""
        self._having_turn: Asker | None = None
        self._turn_ends = 0.0

    def run(self) -> None:
        """Answer questions until it is no longer wanted."""
        self._load_active()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        while self._is_wanted():
            self._heartbeats.beat()
            for key, _ in self._selector.select(0 if self._has_work() else BEAT_S):
                if key.data is None:
                    self._accept()
                else:
                    self._read(key.data)
            self._work()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(True)
        self._selector.register(connection, selectors.EVENT_READ, Asker(connection))

    def _read(self, asker: Asker) -> None:
        try:
            part = asker.connection.recv(PART)
            questions = asker.reader.read(part)
        except (OSError, ValueError) as error:
            log.error("a predicting process is no longer heard", error=type(error).__name__)
            self._forget(asker)
            return
        if not part:
            self._forget(asker)
        for question in questions:
            if question.kind is QuestionKind.READY:
                self._unready.append(asker)
            elif question.kind is QuestionKind.TURN:
                self._turns.append(asker)
            else:
                self._waiting.append((asker, question))

    def _forget(self, asker: Asker) -> None:
        """Drop a predicting process that ended or gave its film up, with what it asked; idempotent."""
        if asker.connection.fileno() < 0:
            return
        self._selector.unregister(asker.connection)
        asker.connection.close()
        self._waiting = deque(item for item in self._waiting if item[0] is not asker)
        self._turns = deque(other for other in self._turns if other is not asker)
        self._unready = deque(other for other in self._unready if other is not asker)
        if self._having_turn is asker:
            self._having_turn = None

    def _has_work(self) -> bool:
        if self._having_turn is not None:
            return any(asker is self._having_turn for asker, _ in self._waiting)
        return bool(self._waiting or self._turns or self._unready)

    def _work(self) -> None:
        """Do one thing: open a bundle, grant a turn, or compute a batch."""
        if self._having_turn is not None and not self._has_work():
            if time.monotonic() > self._turn_ends:
                self._forget(self._having_turn)
            return
        if self._having_turn is None and self._turns:
            self._having_turn, self._turn_ends = self._turns.popleft(), time.monotonic() + TURN_S
            self._answer(self._having_turn, Answer(AnswerKind.DONE, {}))
            return
        if self._having_turn is None:
            while self._unready:
                self._answer(self._unready.popleft(), Answer(AnswerKind.DONE, {}))
        films = self._take()
        if not films:
            return
        network = self._load(films)
        if network is None:
            return
        if films[0][1].kind is QuestionKind.OPEN:
            facts = {"runtime": network.runtime_name, "precision": network.precision}
            self._answer(films[0][0], Answer(AnswerKind.DONE, facts))
            return
        self._score(network, films)

    def _take(self) -> list[tuple[Asker, Question]]:
        """Take the question that comes next, with the films that can be computed with it."""
        if self._having_turn is not None:
            taken = [item for item in self._waiting if item[0] is self._having_turn][:1]
            self._having_turn = None
        else:
            taken = [self._waiting.popleft()] if self._waiting else []
            if taken and taken[0][1].kind is QuestionKind.SCORE:
                same = (taken[0][1].kind, taken[0][1].digest)
                fitting = [item for item in self._waiting if (item[1].kind, item[1].digest) == same]
                taken += fitting[: self._batch - 1]
        self._waiting = deque(item for item in self._waiting if item not in taken)
        return taken

    def _load(self, asking: list[tuple[Asker, Question]]) -> ScreeningNetwork | None:
        """Return the network that is asked for; None after an answer that tells why there is none."""
        digest = asking[0][1].digest
        if digest in self._networks:
            return self._networks[digest]
        try:
            with self._beating():
                network = self._opener.open(digest)
        except Exception as error:  # noqa: BLE001  whatever it is, the predicting process decides
            kind = AnswerKind.TROUBLE if isinstance(error, SQLAlchemyError) else AnswerKind.BROKEN_BUNDLE
            is_told = isinstance(error, (PermanentError, OSError))
            reason = (is_told and str(error)) or type(error).__name__
            for asker, _ in asking:
                self._answer(asker, Answer(kind, {"reason": reason}))
            return None
        self._keep(digest, network)
        return network

    def _load_active(self) -> None:
        """Load the active bundle ahead of the first film, if there is one."""
        try:
            with self._beating():
                digest = self._opener.find_active()
                if digest is not None:
                    self._keep(digest, self._opener.open(digest))
        except Exception as error:  # noqa: BLE001  a device process that ends here would be made again, for ever
            log.warning("the active bundle is loaded with the first film", error=type(error).__name__)

    def _keep(self, digest: str, network: ScreeningNetwork) -> None:
        while len(self._networks) >= KEPT_NETWORKS:
            del self._networks[next(iter(self._networks))]
        self._networks[digest] = network

    def _score(self, network: ScreeningNetwork, films: list[tuple[Asker, Question]]) -> None:
        """Compute films together, or one by one if that fails, and answer."""
        self._heartbeats.beat()
        arrays = np.stack([question.array for _, question in films if question.array is not None])
        try:
            scores, heat = network.predict_with_heat(arrays)
        except Exception as error:  # noqa: BLE001  it is told to the film's predicting process
            if len(films) > 1:
                log.warning("a batch failed: its films are computed one by one", films=len(films))
                for film in films:
                    self._score(network, [film])
                return
            kind = AnswerKind.NO_MEMORY if isinstance(error, MemoryError) else AnswerKind.FAILED
            self._answer(films[0][0], Answer(kind, {"reason": type(error).__name__}))
            return
        metrics.BATCH_FILMS.observe(len(films))
        for number, (asker, _) in enumerate(films):
            map_of_it = None if heat is None else heat[number]
            self._answer(asker, Answer(AnswerKind.DONE, {"score": float(scores[number])}, map_of_it))

    def _answer(self, asker: Asker, answer: Answer) -> None:
        try:
            asker.connection.sendall(answer.to_bytes())
        except OSError:  # its film is screened again
            self._forget(asker)

    @contextmanager
    def _beating(self) -> Iterator[None]:
        """Beat from a thread inside the block: a load may take longer than a film may."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(BEAT_S):
                self._heartbeats.beat()

        thread: Any = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def has_parent(parent: int) -> Callable[[], bool]:
    """Return a function that is True while the process `parent` is the parent of this one."""
    return lambda: os.getppid() == parent
