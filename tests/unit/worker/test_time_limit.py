"""A soft time limit that is reached while a network is loaded takes effect afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from worker.time_limit import SIG_SOFT_TIMEOUT, put_off_time_limit


def interrupt(number: int, frame: FrameType | None) -> None:
    """Do as billiard's handler does."""
    raise SoftTimeLimitExceeded


@pytest.fixture(autouse=True)
def pool() -> Iterator[None]:
    """The handler of a process of the pool."""
    before = signal.signal(SIG_SOFT_TIMEOUT, interrupt)
    yield
    signal.signal(SIG_SOFT_TIMEOUT, before)


def test_the_block_ends_before_the_limit_takes_effect() -> None:
    done = []

    @put_off_time_limit()
    def load() -> None:
        with put_off_time_limit():
            signal.raise_signal(SIG_SOFT_TIMEOUT)
            done.append("inner")
        done.append("outer")

    with pytest.raises(SoftTimeLimitExceeded):
        load()
    assert done == ["inner", "outer"]
    assert signal.getsignal(SIG_SOFT_TIMEOUT) is interrupt


def test_an_error_of_the_block_is_its_own() -> None:
    @put_off_time_limit()
    def fail() -> None:
        signal.raise_signal(SIG_SOFT_TIMEOUT)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert signal.getsignal(SIG_SOFT_TIMEOUT) is interrupt


def test_another_thread_is_never_interrupted() -> None:
    done = []

    def load() -> None:
        with put_off_time_limit():
            done.append("loaded")

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert done == ["loaded"]


def test_the_signal_is_that_of_the_pool() -> None:
    asked = "from billiard.pool import SIG_SOFT_TIMEOUT; print(int(SIG_SOFT_TIMEOUT))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert int(told) == SIG_SOFT_TIMEOUT
