"""A device process computes the films that wait in one pass, and each film has its own end."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from domain.bundle.bundle import Bundle
from domain.bundle.seal import TOLERANCE
from domain.errors import PermanentError
from tests.servers.ports import wait_until
from worker.batches.device_link import DeviceGoneError, DeviceLink
from worker.batches.device_messages import QUESTION, Answer, AnswerKind, Question, QuestionKind
from worker.batches.device_process import Asker, DeviceProcess
from worker.bundle_cache import BundleCache
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import Predictor
from worker.screening_network import ScreeningNetwork
from worker.watchdog import Heartbeats

BATCH = 4
MARK = 0.123
ABSENT = "f" * 64


class Device:
    """A device process in a thread, with a real network whose passes are seen and can be held up."""

    def __init__(self, bundle: Bundle, address: Path) -> None:
        self.network = Predictor(bundle, runtime="keras", precision="float32")
        self.sizes: list[int] = []
        self.let_go = threading.Event()
        self.let_go.set()
        self.begun = threading.Event()
        self.address, self.digest = str(address), bundle.digest
        self._predict = self.network.predict_with_heat
        self.network.predict_with_heat = self._watch  # type: ignore[method-assign]
        self._wanted = True
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.address)
        self._listener.listen()
        self.process = DeviceProcess(
            self._listener, self, BATCH, Heartbeats(), is_wanted=lambda: self._wanted
        )
        self._thread = threading.Thread(target=self.process.run)
        self._thread.start()

    def find_active(self) -> None:
        """There is none."""

    def open(self, digest: str) -> ScreeningNetwork:
        """Return the network."""
        if digest == ABSENT:
            raise PermanentError("no such bundle")
        return self.network

    def _watch(self, arrays: npt.NDArray[np.float32]) -> Any:
        self.begun.set()
        assert self.let_go.wait(60)
        self.sizes.append(len(arrays))
        if (arrays[:, 0, 0] == np.float32(MARK)).any():
            raise ValueError("a film that breaks its batch")
        return self._predict(arrays)

    def link(self) -> DeviceLink:
        """Return the link of one more predicting process, which has opened the bundle."""
        link = DeviceLink(self.address, BundleCache(Path(self.address).parent / "cache", None))  # type: ignore[arg-type]
        assert link.ask(Question(QuestionKind.OPEN, self.digest)).facts["runtime"] == "keras"
        return link

    def score(self, link: DeviceLink, array: npt.NDArray[np.float32]) -> Answer:
        """Ask for a score."""
        return link.ask(Question(QuestionKind.SCORE, self.digest, array))

    def close(self) -> None:
        """End the loop."""
        self.let_go.set()
        self._wanted = False
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._listener.close()


@pytest.fixture
def device(small_bundle: Bundle, tmp_path: Path) -> Iterator[Device]:
    """A device process that runs."""
    made = Device(small_bundle, tmp_path / "0")
    yield made
    made.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for each predicting process."""
    with ThreadPoolExecutor(8) as made:
        yield made


def ask_behind(
    device: Device, pool: ThreadPoolExecutor, asks: list[Callable[[], Answer]], waiting: int
) -> tuple[Future[Answer], list[Future[Answer]]]:
    """Hold a first film in the device while others are asked for; then let all go."""
    first = device.link()
    device.let_go.clear()
    device.begun.clear()
    held = pool.submit(device.score, first, draw_golden_arrays(1)[0])
    assert device.begun.wait(30)
    futures = [pool.submit(ask) for ask in asks]
    wait_until(lambda: count_unread(device) == waiting, 30, "all have asked")
    device.let_go.set()
    return held, futures


def count_unread(device: Device) -> int:
    """Return how many predicting processes have sent what the device has not read yet."""
    selector = device.process._selector
    return sum(key.data is not None for key, _ in selector.select(0))


def test_films_that_wait_are_computed_together_and_score_as_one_by_one(
    device: Device, pool: ThreadPoolExecutor
) -> None:
    arrays = draw_golden_arrays(5)
    links = [device.link() for _ in arrays]
    asks = [
        lambda link=link, array=array: device.score(link, array)
        for link, array in zip(links, arrays, strict=True)
    ]
    held, futures = ask_behind(device, pool, asks, len(asks))
    scores = [future.result(30).facts["score"] for future in futures]
    assert device.sizes[0] == 1, "nobody waited then"
    assert sum(device.sizes) == 6
    assert len(device.sizes) <= 4, "those that waited were computed together, at most a batch at a time"
    assert max(device.sizes) <= BATCH
    alone = [float(device._predict(array[np.newaxis])[0][0]) for array in arrays]
    assert np.abs(np.array(scores) - alone).max() <= TOLERANCE
    assert held.result(30).facts["score"] == pytest.approx(alone[0], abs=TOLERANCE)


def test_a_film_that_breaks_its_batch_fails_alone(device: Device, pool: ThreadPoolExecutor) -> None:
    arrays = draw_golden_arrays(3)
    arrays[1, 0, 0] = MARK
    links = [device.link() for _ in arrays]
    asks = [
        lambda link=link, array=array: device.score(link, array)
        for link, array in zip(links, arrays, strict=True)
    ]
    _, futures = ask_behind(device, pool, asks, len(asks))
    for place in (0, 2):
        alone = float(device._predict(arrays[place : place + 1])[0][0])
        assert futures[place].result(30).facts["score"] == pytest.approx(alone, abs=TOLERANCE)
    with pytest.raises(ArithmeticError, match="ValueError"):
        futures[1].result(30)
    assert sum(device.sizes[1:]) > 3, "the batch, and its films alone"


def test_a_film_with_a_turn_is_computed_alone(device: Device, pool: ThreadPoolExecutor) -> None:
    arrays = draw_golden_arrays(3)
    links = [device.link() for _ in arrays]

    def ask_alone() -> Answer:
        links[0].ask(Question(QuestionKind.TURN, device.digest))
        return device.score(links[0], arrays[0])

    asks = [ask_alone, *(lambda n=n: device.score(links[n], arrays[n]) for n in (1, 2))]
    _, futures = ask_behind(device, pool, asks, 3)  # type: ignore[arg-type]
    for future in futures:
        future.result(30)
    assert device.sizes[:2] == [1, 1]
    assert sum(device.sizes) == 4


def test_a_turn_that_is_not_used_keeps_nobody_waiting(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.batches.device_process.TURN_S", 0.05)
    idle, other = device.link(), device.link()
    idle.ask(Question(QuestionKind.TURN, device.digest))
    assert device.score(other, draw_golden_arrays(1)[0]).kind is AnswerKind.DONE


def test_no_film_is_begun_while_another_has_a_turn(device: Device, pool: ThreadPoolExecutor) -> None:
    alone, other = device.link(), device.link()
    alone.ask(Question(QuestionKind.TURN, device.digest))
    with pytest.raises(DeviceGoneError):
        other.wait_until_ready(0.1)
    waiting = pool.submit(other.wait_until_ready, 60)
    device.score(alone, draw_golden_arrays(1)[0])
    waiting.result(30)
    assert device.score(other, draw_golden_arrays(1)[0]).kind is AnswerKind.DONE, (
        "without the shorter patience"
    )


def test_a_predicting_process_that_ends_or_says_nonsense_is_forgotten(device: Device) -> None:
    link = device.link()
    part_of_a_film = QUESTION.pack(QuestionKind.SCORE, bytes(32)) + bytes(1000)
    for content in (b"\xff" * QUESTION.size, part_of_a_film):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
            stranger.connect(device.address)
            stranger.sendall(content)
    device.score(link, draw_golden_arrays(1)[0])
    wait_until(lambda: len(device.process._selector.get_map()) == 2, 30, "the listener and the link are left")


def test_one_that_asks_twice_at_a_time_and_ends_does_not_end_the_device_process(device: Device) -> None:
    asking, answering = socket.socketpair()
    process = DeviceProcess(asking, device, BATCH, Heartbeats(), is_wanted=lambda: True)
    asker = Asker(answering)
    process._selector.register(answering, selectors.EVENT_READ, asker)
    films = [Question(QuestionKind.SCORE, device.digest, array) for array in draw_golden_arrays(2)]
    process._waiting.extend((asker, film) for film in films)
    asking.close()
    process._work()
    assert device.sizes == [2]
    assert not process._selector.get_map()


def test_a_bundle_that_cannot_be_loaded_is_told_to_each_that_asks(device: Device) -> None:
    link = device.link()
    with pytest.raises(PermanentError, match="no such bundle"):
        link.ask(Question(QuestionKind.OPEN, ABSENT))
    assert device.score(link, draw_golden_arrays(1)[0]).kind is AnswerKind.DONE


def test_a_score_comes_with_its_heat_map() -> None:
    heat = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    content = Answer(AnswerKind.DONE, {"score": 0.25}, heat).to_bytes()
    left, right = socket.socketpair()
    with left, right:
        left.sendall(content)
        link = DeviceLink("", None)  # type: ignore[arg-type]
        link._socket = right
        link._connect = lambda: right  # type: ignore[method-assign]
        answer = link.ask(Question(QuestionKind.TURN, ABSENT))
    assert answer.facts["score"] == 0.25
    assert answer.heat is not None
    assert np.array_equal(answer.heat, heat)
