"""Device processes are replaced when they end, and end with their worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from domain.bundle.bundle import Bundle
from domain.errors import PermanentError
from tests.servers.ports import wait_until
from worker.batches.device_keeper import VISIBLE_GPUS, DeviceKeeper, choose_gpu
from worker.batches.device_link import DeviceGoneError, DeviceLink, DeviceNetwork
from worker.batches.device_messages import AnswerKind, Question, QuestionKind
from worker.screening_network import ScreeningNetwork
from worker.settings import count_gpus
from worker.watchdog import Heartbeats


class MeanNetwork(ScreeningNetwork):
    """A network whose score is the film's mean, made without a library so that a fork may compute it.

    It ends its process for a white film, and hangs with a film of -1.
    """

    runtime_name = "keras"
    precision = "float32"

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict_with_heat(self, arrays: object) -> tuple[object, None]:  # type: ignore[override]
        means = np.asarray(arrays).mean(axis=(1, 2))
        if (means == 1).any():
            os.kill(os.getpid(), signal.SIGKILL)
        if (means < 0).any():
            signal.pause()
        return means.astype(np.float64), None


@dataclass
class MeanOpener:
    """Opens such networks."""

    bundle: Bundle

    def find_active(self) -> None:
        """There is none."""

    def open(self, digest: str) -> ScreeningNetwork:
        """Return the network."""
        assert digest == self.bundle.digest
        return MeanNetwork(self.bundle)


class TellingOpener:
    """Opens nothing and tells which GPUs its process may use."""

    def find_active(self) -> None:
        """There is none."""

    def open(self, digest: str) -> ScreeningNetwork:
        """Raise an error with the environment variable."""
        raise PermanentError(os.environ.get(VISIBLE_GPUS, "all"))


@pytest.fixture
def heartbeats() -> Heartbeats:
    """The beats of device processes."""
    return Heartbeats()


@pytest.fixture
def keeper(small_bundle: Bundle, heartbeats: Heartbeats) -> Iterator[DeviceKeeper]:
    """A keeper whose device process runs."""
    made = DeviceKeeper(1, 4, lambda: MeanOpener(small_bundle), heartbeats)
    made.keep()
    yield made
    made.close()


def make_link(address: str) -> DeviceLink:
    """Return a link to a device process; without a cache of bundles it asks, but opens none."""
    return DeviceLink(address, None)  # type: ignore[arg-type]


def make_network(keeper: DeviceKeeper, bundle: Bundle) -> DeviceNetwork:
    """Return the network as a predicting process has it."""
    link = make_link(keeper.addresses[0])
    link.ask(Question(QuestionKind.OPEN, bundle.digest))
    return DeviceNetwork(bundle, link, "keras", "float32")


def film(value: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return one film of even grey."""
    return np.full((1, 256, 256), value, np.float32)


def find_pid(keeper: DeviceKeeper) -> int:
    """Return the process id of the only device process."""
    (pid,) = keeper._pids
    assert pid is not None
    return pid


def test_a_device_process_that_ends_with_a_batch_is_replaced_and_blames_nobody(
    keeper: DeviceKeeper, small_bundle: Bundle
) -> None:
    network = make_network(keeper, small_bundle)
    pid = find_pid(keeper)
    with network.taking_turn(alone=False) as is_alone, pytest.raises(DeviceGoneError):
        network.predict_with_heat(film(1.0))
    assert is_alone is False, "so that no strike is given"
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 30, "it has ended")
    assert keeper.has(pid), "the watchdog must not take its end for that of a film"
    keeper.keep()
    assert find_pid(keeper) != pid
    scores, heat = network.predict_with_heat(film(0.25))
    assert (scores.tolist(), heat) == ([0.25], None)


def test_a_film_that_ends_the_device_process_alone_ends_its_predicting_process(
    keeper: DeviceKeeper, small_bundle: Bundle
) -> None:
    child = os.fork()
    if child == 0:
        network = make_network(keeper, small_bundle)
        with network.taking_turn(alone=True) as is_alone:
            network.predict_with_heat(film(0.5))
            os._exit(0 if not is_alone else _die(network))
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def _die(network: DeviceNetwork) -> int:
    with network.taking_turn(alone=True):
        network.predict_with_heat(film(1.0))
    return 0


@pytest.mark.parametrize(
    ("count", "expected"), [(1, ["GPU-a, GPU-b"]), (3, ["GPU-a", "GPU-b", "GPU-a"])], ids=["one", "three"]
)
def test_several_device_processes_have_a_gpu_each(
    count: int, expected: list[str], heartbeats: Heartbeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE_GPUS, "GPU-a, GPU-b")
    keeper = DeviceKeeper(count, 4, TellingOpener, heartbeats)
    try:
        keeper.keep()
        seen = []
        for address in keeper.addresses:
            link = make_link(address)
            with pytest.raises(PermanentError) as told:
                link.ask(Question(QuestionKind.OPEN, "0" * 64))
            seen.append(str(told.value))
    finally:
        keeper.close()
    assert seen == expected


@pytest.mark.parametrize(
    ("place", "visible", "count", "expected"),
    [
        (1, None, 4, "1"),
        (5, None, 4, "1"),
        (0, None, 0, None),
        (1, "2,3", 4, "3"),
        (1, "MIG-x", 0, "MIG-x"),
        (0, "", 4, None),
        (1, "3,-1,2", 4, "3"),
        (0, "-1", 4, None),
    ],
)
def test_gpus_are_chosen_in_turn(place: int, visible: str | None, count: int, expected: str | None) -> None:
    assert choose_gpu(place, visible, count) == expected


def test_gpus_are_counted_by_their_device_files(tmp_path: Path) -> None:
    for name in ("nvidia1", "nvidia12", "nvidiactl", "nvidia-uvm", "kfd"):
        (tmp_path / name).touch()
    assert count_gpus(tmp_path) == 2, "a container may have the second GPU alone"


HANGING = """
import os, sys
from pathlib import Path
from domain.bundle.bundle import open_bundle
from tests.servers.ports import wait_until
from tests.unit.worker.batches.test_device_keeper import MeanOpener, find_pid, film, make_network
from worker.batches.device_keeper import DeviceKeeper
from worker.batches.device_link import DeviceGoneError
from worker.watchdog import Heartbeats, Watchdog
bundle = open_bundle(Path(sys.argv[1]))
heartbeats = Heartbeats()
keeper = DeviceKeeper(1, 4, lambda: MeanOpener(bundle), heartbeats)
keeper.keep()
child = os.fork()  # asks for a film with which the device hangs
if child == 0:
    heartbeats.start()
    network = make_network(keeper, bundle)
    try:
        network.predict_with_heat(film(-1.0))
    except DeviceGoneError:
        os._exit(7)
    os._exit(0)
watchdog, killed = Watchdog(heartbeats, 10), []
wait_until(lambda: killed.extend(watchdog.check()) or killed, 60, "the watchdog kills it")
assert killed == [find_pid(keeper)], killed
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
keeper.close()
print("done")
"""


def test_a_device_process_that_hangs_is_killed_by_the_watchdog(small_bundle: Bundle) -> None:
    # In a process of its own, since the watchdog kills each silent child of its process.
    done = subprocess.run(
        [sys.executable, "-c", HANGING, str(small_bundle.directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")


WORKER = """
import os, signal, sys
from worker.batches.device_keeper import DeviceKeeper
from worker.watchdog import Heartbeats
log = open(sys.argv[1], "w")
keeper = DeviceKeeper(1, 2, lambda: None, Heartbeats())
keeper.keep()
print(keeper._pids[0], keeper.addresses[0], flush=True)
signal.pause()
"""


def test_a_device_process_ends_with_its_worker_and_holds_none_of_its_files(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(log)], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        number, address = worker.stdout.readline().split()
        device = psutil.Process(int(number))
        assert Path(address).parent.stat().st_mode & 0o777 == 0o700, "of this user alone"
        wait_until(lambda: not any(file.path == str(log) for file in device.open_files()), 30, "let go")
        device.send_signal(signal.SIGTERM)  # as to its whole group: the worker ends it
        turn = DeviceLink(address, None).ask(Question(QuestionKind.TURN, "0" * 64))  # type: ignore[arg-type]
        assert turn.kind is AnswerKind.DONE
        worker.kill()
    wait_until(lambda: not device.is_running() or device.status() == psutil.STATUS_ZOMBIE, 30, "ended")
