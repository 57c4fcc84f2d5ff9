"""Processes are started, waited for, started again and ended; nothing outlives its supervisor for long."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from domain.errors import PermanentError
from tbscreen.processes import supervisor as module
from tbscreen.processes.supervisor import NotReadyError, ProcessSpec, Supervisor, child_environment
from tests.servers.ports import wait_until

DIE_BEFORE_THE_RECORD = """
import os, signal, sys
from pathlib import Path
from tbscreen.processes import supervisor

def die(directory, name, pid, stage):
    print(pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

supervisor.write_record = die
with open(os.devnull, "wb") as output:
    supervising = supervisor.Supervisor(Path(sys.argv[1]), os.environ, output)
    supervising.start(supervisor.ProcessSpec("child", ["sleep", "1000"], lambda: "ready"))
"""

SUPERVISE_AND_WAIT = """
import os, sys, signal
from pathlib import Path
from tbscreen.processes.supervisor import ProcessSpec, Supervisor

directory = Path(sys.argv[1])
supervisor = Supervisor(directory, os.environ)
supervisor.start(ProcessSpec("child", ["sleep", "1000"], lambda: "ready"))
print(*supervisor.pids(), flush=True)
signal.pause()
"""


@pytest.fixture
def directory(place: Path) -> Path:
    """The folder of locks and records."""
    return place / "data" / "run"


@pytest.fixture
def supervisor(directory: Path) -> Iterator[Supervisor]:
    """A supervisor that is stopped afterwards, whatever happens."""
    made = Supervisor(directory, os.environ)
    yield made
    made.stop()


def make_spec(directory: Path, name: str = "child", script: str = "exec sleep 1000") -> ProcessSpec:
    """Return a process that announces itself and then does what `script` says."""
    ready_file = directory / f"{name}.ready"

    def is_ready() -> str | None:
        return ready_file.read_text().strip() if ready_file.exists() and ready_file.read_text() else None

    announce = f'echo "process $$" > "{ready_file}"'
    return ProcessSpec(name, ["sh", "-c", f"{announce}; {script}"], is_ready, ready_file)


def test_a_process_is_started_and_waited_for(supervisor: Supervisor, directory: Path) -> None:
    announced = supervisor.start(make_spec(directory))
    (pid,) = supervisor.pids()
    assert announced == f"process {pid}"
    assert psutil.pid_exists(pid)


def test_an_old_announcement_is_not_believed(supervisor: Supervisor, directory: Path) -> None:
    (directory / "child.ready").write_text("process 1")
    assert supervisor.start(make_spec(directory)) == f"process {supervisor.pids()[0]}"


def test_processes_get_the_environment_and_write_where_they_are_told(directory: Path, place: Path) -> None:
    with (place / "log.txt").open("wb") as output:
        supervisor = Supervisor(directory, {**os.environ, "GREETING": "hello"}, output)
        supervisor.start(
            make_spec(directory, script='echo "$GREETING"; echo "$GREETING" >&2; exec sleep 1000')
        )
        wait_until(lambda: (place / "log.txt").read_text() == "hello\nhello\n", 10, "the child has written")
        supervisor.stop()


def test_a_process_that_dies_at_its_start_is_not_ready(supervisor: Supervisor) -> None:
    with pytest.raises(NotReadyError, match="child ended with exit status 7 at its start"):
        supervisor.start(ProcessSpec("child", ["sh", "-c", "exit 7"], lambda: None))


def test_a_process_that_never_announces_itself_is_not_ready(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READY_TIMEOUT_S", 0.3)
    with pytest.raises(NotReadyError, match="child was not ready within 0 s"):
        supervisor.start(ProcessSpec("child", ["sleep", "1000"], lambda: None))
    (pid,) = supervisor.pids()
    supervisor.stop()
    assert not _is_alive(pid)


def test_a_killed_process_is_started_again(supervisor: Supervisor, directory: Path) -> None:
    supervisor.start(make_spec(directory))
    supervisor.start(make_spec(directory, "other"))
    killed, other = supervisor.pids()
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        supervisor.watch()
        return len(supervisor.pids()) == 2

    wait_until(lambda: supervisor.pids() == [other], 10, "the child is dead")
    wait_until(is_back, 20, "the child is started again")
    fresh = supervisor.pids()[0]
    assert fresh != killed
    assert supervisor.pids()[1] == other
    announced = f"process {fresh}\n"
    ready_file = directory / "child.ready"
    wait_until(lambda: ready_file.exists() and ready_file.read_text() == announced, 10, "its announcement")
    record = json.loads((directory / "child.process.json").read_text())
    assert record["pid"] == fresh


def test_each_death_makes_the_pause_longer(
    supervisor: Supervisor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_MOST_S", 0.4)
    monkeypatch.setattr(module, "RESTART_FIRST_S", 0.1)
    spec = make_spec(directory, script="exit 3")
    supervisor.start(spec)
    running = supervisor._running[0]
    running.pause = 0.1
    pauses: list[float] = []

    def has_died_often() -> bool:
        supervisor.watch()
        if running.restart_at is not None and (not pauses or running.pause != pauses[-1]):
            pauses.append(running.pause)
        return len(pauses) >= 2 and running.restart_at is None

    wait_until(has_died_often, 20, "the child has died several times")
    assert pauses == [0.2, 0.4]


def test_a_process_that_cannot_be_started_again_is_tried_again_and_the_others_go_on(
    supervisor: Supervisor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_FIRST_S", 0.05)
    monkeypatch.setattr(module, "RESTART_MOST_S", 0.1)
    supervisor.start(make_spec(directory))
    supervisor.start(make_spec(directory, "other"))
    killed, other = supervisor.pids()
    refusals: list[int] = []

    def refuse(*_: object, **__: object) -> None:
        refusals.append(errno.EAGAIN)
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def is_refused_twice() -> bool:
        supervisor.watch()
        return len(refusals) == 2

    def is_back() -> bool:
        supervisor.watch()
        return len(supervisor.pids()) == 2

    with monkeypatch.context() as patch:
        patch.setattr(module.subprocess, "Popen", refuse)
        os.kill(killed, signal.SIGKILL)
        wait_until(is_refused_twice, 20, "two attempts")
        assert supervisor.pids() == [other]
    wait_until(is_back, 20, "the child is started again")


def test_on_a_full_disk_a_process_is_started_again_and_ended_without_a_record(
    supervisor: Supervisor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def is_back() -> bool:
        supervisor.watch()
        return bool(supervisor.pids()) and supervisor.pids() != [killed]

    supervisor.start(make_spec(directory))
    (killed,) = supervisor.pids()
    monkeypatch.setattr(module, "write_record", is_full)
    os.kill(killed, signal.SIGKILL)
    wait_until(is_back, 20, "the child is started again")
    (fresh,) = supervisor.pids()
    supervisor.stop()
    assert not _is_alive(fresh)


def test_stop_ends_all_and_leaves_no_record(supervisor: Supervisor, directory: Path) -> None:
    for name in ("first", "second", "third"):
        supervisor.start(make_spec(directory, name))
    pids = supervisor.pids()
    supervisor.stop()
    assert not any(_is_alive(pid) for pid in pids)
    assert list(directory.glob("*.process.json")) == []
    assert supervisor.pids() == []


def test_stop_ends_the_last_started_first(supervisor: Supervisor, directory: Path) -> None:
    log = directory / "order.txt"
    for name in ("first", "second", "third"):
        script = f"trap 'echo {name} >> {log}; exit 0' TERM; while :; do sleep 0.02; done"
        supervisor.start(make_spec(directory, name, script))
    supervisor.stop()
    assert log.read_text().split() == ["third", "second", "first"]


def test_what_starts_together_ends_together(supervisor: Supervisor, directory: Path) -> None:
    """Each waits for the other: one after another, neither would get ready and neither would end."""
    log = directory / "order.txt"
    supervisor.start(make_spec(directory, "alone"))
    specs = []
    for name, other in (("left", "right"), ("right", "left")):
        meet = f'until [ -e "{directory}/{other}.$1" ]; do sleep 0.02; done'
        script = f"""
            meet() {{ touch "{directory}/{name}.$1"; {meet}; }}
            trap 'meet ended; echo {name} >> {log}; exit 0' TERM
            meet started; echo {name} > "{directory}/{name}.announced"
            while :; do sleep 0.02; done"""
        announced = directory / f"{name}.announced"
        specs.append(
            ProcessSpec(
                name,
                ["sh", "-c", script],
                lambda file=announced: file.read_text().strip() or None if file.exists() else None,
            )
        )
    assert supervisor.start_together(specs) == {"left": "left", "right": "right"}
    alone, *together = supervisor.pids()
    assert len(together) == 2
    supervisor.stop()
    assert sorted(log.read_text().split()) == ["left", "right"]
    assert not _is_alive(alone)


def test_of_processes_that_start_together_one_that_dies_is_named(
    supervisor: Supervisor, directory: Path
) -> None:
    dead = ProcessSpec("dead", ["sh", "-c", "exit 7"], lambda: None)
    with pytest.raises(NotReadyError, match="dead ended with exit status 7 at its start"):
        supervisor.start_together([make_spec(directory), dead])
    (pid,) = supervisor.pids()
    supervisor.stop()
    assert not _is_alive(pid)


def test_a_process_that_does_not_listen_is_killed_with_its_children(
    supervisor: Supervisor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.3)
    supervisor.start(make_spec(directory, script="trap '' TERM; sleep 1000 & wait; sleep 1000"))
    (pid,) = supervisor.pids()
    wait_until(lambda: len(psutil.Process(pid).children()) == 1, 10, "the child has its own child")
    supervisor.stop()
    assert [
        candidate for candidate in psutil.pids() if _is_alive(candidate) and _session_of(candidate) == pid
    ] == []


def test_a_second_supervisor_is_refused_while_the_first_works(directory: Path) -> None:
    first = Supervisor(directory, os.environ)
    first.start(make_spec(directory))
    with pytest.raises(PermanentError, match=r"tbscreen is running already in .*data"):
        Supervisor(directory, os.environ)
    assert len(first.pids()) == 1
    first.stop()
    Supervisor(directory, os.environ).stop()


@contextmanager
def supervising_process(directory: Path) -> Iterator[tuple[psutil.Process, int]]:
    """Run a supervisor in a process of its own; gives the process and the number of its child `sleep`."""
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISE_AND_WAIT, str(directory)], stdout=subprocess.PIPE, text=True
    ) as supervising:
        assert supervising.stdout is not None
        child = int(supervising.stdout.readline())
        yield psutil.Process(supervising.pid), child
        supervising.kill()
        supervising.stdout.close()  # not read to its end: an orphan would hold it open


def test_a_killed_supervisor_takes_its_processes_with_it(directory: Path) -> None:
    with supervising_process(directory) as (killed, child):
        killed.kill()
        wait_until(lambda: not _is_alive(child), 30, "the undertaker has ended the child")


def test_a_process_that_its_killed_supervisor_has_not_recorded_is_ended(directory: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", DIE_BEFORE_THE_RECORD, str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    child = int(killed.stdout)
    assert list(directory.glob("*.process.json")) == []
    wait_until(lambda: not _is_alive(child), 30, "the undertaker has ended the child")


def test_the_undertaker_ends_with_its_supervisor(directory: Path) -> None:
    supervisor = Supervisor(directory, os.environ)
    undertaker = supervisor._undertaker
    assert undertaker.poll() is None
    supervisor.stop()
    assert undertaker.poll() == 0


def test_the_orphan_of_a_killed_supervisor_and_undertaker_is_ended_by_the_next(directory: Path) -> None:
    with supervising_process(directory) as (killed, orphan):
        (undertaker,) = (process for process in killed.children() if process.pid != orphan)
        undertaker.kill()
        killed.kill()
        killed.wait(timeout=30)
        assert _is_alive(orphan)
        Supervisor(directory, os.environ).stop()
        assert not _is_alive(orphan)
        assert list(directory.glob("*.process.json")) == []


def test_another_process_that_got_the_number_of_an_orphan_is_left_alone(directory: Path) -> None:
    directory.mkdir(parents=True)
    with subprocess.Popen(["sleep", "1000"]) as innocent:
        created = psutil.Process(innocent.pid).create_time()
        record = {"pid": innocent.pid, "created": created - 1000}
        (directory / "child.process.json").write_text(json.dumps(record))
        Supervisor(directory, os.environ).stop()
        assert innocent.poll() is None
        innocent.kill()


@pytest.mark.parametrize("content", ["", "{", "{}", '{"pid": 999999999, "created": 1}', "[]", "null"])
def test_a_record_that_says_nothing_is_removed(directory: Path, content: str) -> None:
    directory.mkdir(parents=True)
    (directory / "child.process.json").write_text(content)
    Supervisor(directory, os.environ).stop()
    assert list(directory.glob("*.process.json")) == []


def test_children_log_at_once() -> None:
    assert child_environment()["PYTHONUNBUFFERED"] == "1"
    assert child_environment()["PATH"] == os.environ["PATH"]


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
