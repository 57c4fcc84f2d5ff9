"""Answers reach the thread that sent the request, on a busy machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pynetdicom import AE, build_context
from pynetdicom.association import Association

from dicom_gateway.association.peer_association import open_association
from dicom_gateway.association.pynetdicom_repairs.reactor_checkpoint import ReactorCheckpoint, release
from dicom_gateway.settings import PeerSettings
from tests.servers.pacs import storescp
from tests.servers.ports import wait_until

VERIFICATION = "1.2.840.10008.1.1"
REQUESTS = 120
"""Enough for pynetdicom alone to lose answers."""


@contextmanager
def busy_interpreter() -> Iterator[None]:
    """Two threads compute, so that every other one waits for its turn at each step."""
    over = threading.Event()

    def compute() -> None:
        number = 0
        while not over.is_set():
            number += 1

    threads = [threading.Thread(target=compute) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_no_answer_is_lost_while_other_threads_compute(tmp_path: Path) -> None:
    with storescp(tmp_path / "scp") as scp:
        peer = PeerSettings(name="scp", ae_title="STORESCP", host="127.0.0.1", port=scp.port)
        association = open_association(peer, "TBSCREEN", [build_context(VERIFICATION)], 20)
        with busy_interpreter():
            answers = [association.send_c_echo() for _ in range(REQUESTS)]
        association.release()
    assert [answer.Status for answer in answers] == [0x0000] * REQUESTS


def halt_between_two_lines(association: Association, event: type[threading.Event], *made_of: Any) -> bool:
    """Stop the reactor just after it passed its checkpoint; True when a sender takes it for halted then."""
    passed, resume = threading.Event(), threading.Event()

    class StoppingEvent(event):  # type: ignore[valid-type, misc]
        def wait(self, timeout: float | None = None) -> bool:
            through = bool(super().wait(timeout))
            passed.set()
            resume.wait(20)
            return through

    checkpoint: Any = StoppingEvent(*made_of)
    checkpoint.set()
    association._reactor_checkpoint = checkpoint
    try:
        assert passed.wait(20)
        checkpoint.clear()  # as each `send_c_...` begins
        return bool(association._is_paused)
    finally:
        checkpoint.set()
        resume.set()


def test_pynetdicom_needs_the_repair(tmp_path: Path) -> None:
    with storescp(tmp_path / "scp") as scp:
        peer = PeerSettings(name="scp", ae_title="STORESCP", host="127.0.0.1", port=scp.port)
        association = open_association(peer, "TBSCREEN", [build_context(VERIFICATION)], 20)
        assert halt_between_two_lines(association, threading.Event), "pynetdicom has mended it"
        assert not halt_between_two_lines(association, ReactorCheckpoint, association)
        association.release()


def order_release(association: Association, end: Callable[[], None]) -> list[str]:
    """End an association while its reactor runs a handler; return what was done first."""
    order: list[str] = []
    begun, released = threading.Event(), threading.Event()
    negotiate = association.acse.negotiate_release
    reactor: Any = association

    def serve(*_: object) -> None:
        reactor._is_paused = True  # as pynetdicom does
        begun.set()
        released.wait(0.5)
        order.append("answer")
        reactor._is_paused = False

    def negotiate_release() -> None:
        order.append("release")
        released.set()
        negotiate()

    reactor._serve_request, reactor.acse.negotiate_release = serve, negotiate_release
    reactor.dimse.msg_queue.put((1, object()))
    assert begun.wait(20)
    end()
    return order


def serve_aside(association: Association, checkpoint: ReactorCheckpoint | None) -> bool:
    """Serve a request beside a reactor that is halted then; return whether it counts as halted afterwards.

    pynetdicom serves N-EVENT-REPORT so, in a thread of its own.
    """
    serving, answer = threading.Event(), threading.Event()
    state: Any = association

    def serve(*_: object) -> None:
        state._is_paused = True  # as pynetdicom does
        serving.set()
        answer.wait(20)
        state._is_paused = False

    if checkpoint is None:
        state._serve_request = serve
    else:
        checkpoint._serve_request = serve  # type: ignore[method-assign]
    server = threading.Thread(target=lambda: state._serve_request(object(), 1))
    server.start()
    assert serving.wait(20)
    if checkpoint is None:
        state._reactor_checkpoint.clear()
        wait_until(lambda: state._is_paused, 20, "the reactor is halted")
    else:
        assert not checkpoint.halt(0.2), "an answer is missing yet"
    answer.set()
    server.join()
    halted = bool(state._is_paused) and (checkpoint is None or checkpoint.halt(20))
    state._reactor_checkpoint.set()
    return halted


def test_a_request_that_is_served_beside_the_reactor_leaves_it_halted(tmp_path: Path) -> None:
    with storescp(tmp_path / "scp") as scp:
        peer = PeerSettings(name="scp", ae_title="STORESCP", host="127.0.0.1", port=scp.port)
        association = open_association(peer, "TBSCREEN", [build_context(VERIFICATION)], 20)
        checkpoint: Any = association._reactor_checkpoint
        assert serve_aside(association, checkpoint)
        release(association, 20)
        assert association.is_released
        plain = AE()
        plain.add_requested_context(VERIFICATION)
        association = plain.associate("127.0.0.1", scp.port)
        assert not serve_aside(association, None), "pynetdicom has mended it"
        association.release()


def test_a_release_waits_for_the_answers_of_handlers(tmp_path: Path) -> None:
    with storescp(tmp_path / "scp") as scp:
        peer = PeerSettings(name="scp", ae_title="STORESCP", host="127.0.0.1", port=scp.port)
        association = open_association(peer, "TBSCREEN", [build_context(VERIFICATION)], 20)
        assert order_release(association, association.release)[0] == "release", "pynetdicom has mended it"
        association = open_association(peer, "TBSCREEN", [build_context(VERIFICATION)], 20)
        assert order_release(association, lambda: release(association, 20)) == ["answer", "release"]
        assert association.is_released


def test_a_reactor_that_does_not_halt_is_aborted(tmp_path: Path) -> None:
    with storescp(tmp_path / "scp") as scp:
        peer = PeerSettings(name="scp", ae_title="STORESCP", host="127.0.0.1", port=scp.port)
        association = open_association(peer, "TBSCREEN", [build_context(VERIFICATION)], 20)
        assert order_release(association, lambda: release(association, 0.01)) in ([], ["answer"])
        assert association.is_aborted
