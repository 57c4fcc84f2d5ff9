"""Films prepared in the child process: the same arrays, and a child that crashes or hangs is replaced."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from dicom_gateway.pixels import decoding_process
from dicom_gateway.preparation import preparation_process
from dicom_gateway.preparation.film_preparation import Preparation, prepare
from dicom_gateway.preparation.preparation_process import PreparationProcess
from dicom_gateway.settings import GatewaySettings
from domain.codes import Refusal
from tests.golden.synthetic import draw_shapes, write_film

SETTINGS = GatewaySettings(excluded_calling_ae_titles=("DENTAL",), image_guard=False)
"""Without the image guard: most films here are drawn, and show no chest."""

DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def process() -> Iterator[PreparationProcess]:
    started = PreparationProcess(SETTINGS)
    yield started
    started.close()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12)


def test_child_prepares_what_this_process_would(process: PreparationProcess, film: Path) -> None:
    found = process.prepare(film, "MODALITY")

    expected = prepare(film, "MODALITY", SETTINGS)
    assert found is not None
    assert found.array is not None
    assert expected.array is not None
    assert np.array_equal(found.array, expected.array)
    assert (found.refusal, found.doubts, found.rendition) == (None, (), expected.rendition)


def test_a_child_that_decodes_loads_no_database() -> None:
    """It starts in half the time, and has less to lose."""
    loading = "import sys, dicom_gateway.preparation.preparation_process, dicom_gateway.tiles.tile_process"
    program = f"{loading}; print(sorted({{'db.tables', 'sqlalchemy'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_one_child_takes_film_after_film(process: PreparationProcess, film: Path) -> None:
    process.prepare(film, "MODALITY")
    before = _children()

    refused = process.prepare(film, "DENTAL")
    again = process.prepare(film, "MODALITY")

    assert refused is not None
    assert refused.refusal is Refusal.EXCLUDED_BY_RULE
    assert again is not None
    assert again.refusal is None
    assert _children() == before


def test_child_that_died_between_films_is_replaced(process: PreparationProcess, film: Path) -> None:
    process.open()
    (child,) = _children()
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # dead with all its threads, and left to be reaped

    prepared = process.prepare(film, "MODALITY")

    assert prepared is not None, "a child that died between films is no film's fault"
    assert prepared.array is not None
    assert child not in _children()


def test_child_killed_at_its_work_gives_no_preparation_and_the_next_film_gets_one(
    process: PreparationProcess, film: Path, tmp_path: Path
) -> None:
    # Reading from a pipe to which nobody writes holds the child up, as a decoder that hangs would.
    hanging = tmp_path / "hanging.dcm"
    os.mkfifo(hanging)
    process.open()
    (child,) = _children()
    found: list[Preparation | None] = []
    thread = threading.Thread(target=lambda: found.append(process.prepare(hanging, "MODALITY")))
    thread.start()
    writer = _open_for_writing(hanging)  # held open: its end would be the end of the film
    try:
        os.kill(child, signal.SIGKILL)
        thread.join(DEADLINE_S)
    finally:
        os.close(writer)

    assert found == [None]
    recovered = process.prepare(film, "MODALITY")
    assert recovered is not None
    assert recovered.array is not None


def test_child_that_starts_too_slowly_is_ended_and_no_answer_is_taken_for_another_films(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = PreparationProcess(SETTINGS)
    try:
        with monkeypatch.context() as impatient:
            impatient.setattr(decoding_process, "CHILD_START_TIMEOUT_S", 0.0)
            with pytest.raises(TimeoutError):
                process.open()

        refused = process.prepare(film, "DENTAL")
        taken = process.prepare(film, "MODALITY")

        assert refused is not None
        assert refused.refusal is Refusal.EXCLUDED_BY_RULE
        assert taken is not None
        assert taken.refusal is None
    finally:
        process.close()


def test_film_that_takes_too_long_gives_no_preparation_and_its_child_is_ended(tmp_path: Path) -> None:
    hanging = tmp_path / "hanging.dcm"
    os.mkfifo(hanging)
    others = _children()
    process = PreparationProcess(GatewaySettings(preparation_timeout_s=0.05))
    try:
        process.open()
        (child,) = _children() - others
        begun = time.monotonic()

        assert process.prepare(hanging, "MODALITY") is None
        assert time.monotonic() - begun < DEADLINE_S / 2
        assert not _lives(child)
    finally:
        process.close()


def test_closed_process_leaves_no_child_and_may_be_closed_again() -> None:
    others = _children()
    process = PreparationProcess(SETTINGS)
    process.open()
    assert len(_children() - others) == 1

    process.close()
    process.close()

    assert _children() == others


class Trap:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def _serve_captured(greeting: bytes, answer: bytes, connection: Connection, _: GatewaySettings) -> None:
    """The life of a child that a hostile film has taken over."""
    connection.send_bytes(greeting)
    connection.recv_bytes()
    connection.send_bytes(answer)
    with contextlib.suppress(EOFError):
        connection.recv_bytes()


def _serve_stalled(pid_file: Path, connection: Connection, _: GatewaySettings) -> None:
    """The life of a child that writes a part of an answer, and whose own child keeps the pipe open."""
    connection.send_bytes(b"up")
    connection.recv_bytes()
    heir = os.fork()
    if not heir:
        signal.pause()
    pid_file.write_text(str(heir))
    os.write(connection.fileno(), struct.pack("!i", 1000) + b"begun")
    signal.pause()


def test_a_pickle_of_the_child_is_not_opened(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = _children()
    for place, (greeting, answers) in enumerate([(True, False), (False, True)]):
        trap = tmp_path / f"trap-{place}"
        pickled = pickle.dumps(Trap(trap))
        child = partial(_serve_captured, pickled if greeting else b"up", pickled if answers else b"")
        monkeypatch.setattr(preparation_process, "_serve", child)
        process = PreparationProcess(SETTINGS)
        try:
            assert process.prepare(film, "MODALITY") is None
            assert not trap.exists(), "the pickle ran"
            assert _children() == others, "the child is ended, as one that crashed"
        finally:
            process.close()
    pickle.loads(pickled)
    assert trap.exists(), "opened, it would have run"


def test_a_child_that_writes_half_an_answer_is_ended_in_time(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heir = tmp_path / "heir"
    monkeypatch.setattr(preparation_process, "_serve", partial(_serve_stalled, heir))
    others = _children()
    process = PreparationProcess(SETTINGS.model_copy(update={"preparation_timeout_s": 5.0}))
    found: list[Preparation | None] = []
    thread = threading.Thread(target=lambda: found.append(process.prepare(film, "MODALITY")), daemon=True)
    try:
        thread.start()
        thread.join(DEADLINE_S)
        assert found == [None], "the answer has one deadline"
        left = {int(heir.read_text())}
        assert _children() - left == others, "the child is ended"
    finally:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(heir.read_text()), signal.SIGKILL)
        thread.join(DEADLINE_S)
        process.close()


def _children() -> set[int]:
    """Children that prepare; Python keeps one more beside those that it spawns, to track resources."""
    return {
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline())
    }


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _open_for_writing(fifo: Path) -> int:
    """Wait until somebody reads from the pipe; returns the end that writes."""
    opened: list[int] = []

    def is_read() -> bool:
        try:
            opened.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    _wait(is_read)
    return opened[0]


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition does not come true"
        os.sched_yield()
