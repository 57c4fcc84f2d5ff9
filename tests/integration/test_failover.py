"""PostgreSQL fails over to its standby, and is locked in the middle of transactions, under two gateways."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url, select, text

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Instance
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.servers.database import find_postgresql, postgresql, unprivileged_identity
from tests.servers.gateway import gateway
from tests.servers.ports import free_port, wait_until

SETTINGS = {"wal_level": "replica", "synchronous_commit": "on", "hot_standby": "on"}


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


@contextmanager
def standby_of(primary: str) -> Iterator[tuple[str, Path]]:
    """Run a standby of a running server inside the block; yields its URL and the folder of its files."""
    programs, identity, port = find_postgresql(), unprivileged_identity(), free_port()
    with tempfile.TemporaryDirectory(prefix="tbscreen-standby-") as name:
        folder, data = Path(name), Path(name) / "data"
        if identity:
            os.chown(folder, identity["user"], identity["group"])
        copy = [str(programs / "pg_basebackup"), "--pgdata", str(data), "--dbname", plain(primary)]
        copy += ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        done = subprocess.run(copy, cwd=folder, capture_output=True, check=False, timeout=120, **identity)
        assert done.returncode == 0, done.stderr
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        with (folder / "log.txt").open("wb") as output:
            process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **identity)
        url = make_url(primary).set(port=port).render_as_string(hide_password=False)
        try:
            wait_until(lambda: is_recovering(url) is True, 60, "the standby answers")
            yield url, data
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout=30)


def is_recovering(url: str) -> bool | None:
    """True for a standby, False for a primary, None for a server that does not answer."""
    try:
        with psycopg.connect(plain(url), connect_timeout=2) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
            return None if row is None else bool(row[0])
    except psycopg.OperationalError:
        return None


def kill_server(url: str) -> None:
    """`kill -9` of a server and its children, as when its host dies."""
    with psycopg.connect(plain(url)) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        postmaster = psutil.Process(int(row[0])).parent()
    assert postmaster is not None
    for process in [*postmaster.children(recursive=True), postmaster]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def count_films(database: Database, uids: set[str]) -> int:
    """Return how many of these films have a row."""
    with database.read() as session:
        return len(session.scalars(select(Instance.id).where(Instance.sop_instance_uid.in_(uids))).all())


def test_a_film_answered_with_success_outlives_a_failover_and_the_gateways_go_on(tmp_path: Path) -> None:
    with (
        postgresql(changes=SETTINGS) as primary,
        standby_of(primary) as (standby, data),
    ):
        with psycopg.connect(plain(primary), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        hosts = "&".join(f"host=127.0.0.1:{make_url(url).port}" for url in (primary, standby))
        both = f"postgresql+psycopg://tbscreen@/postgres?{hosts}&target_session_attrs=read-write"
        database = Database.open(DatabaseSettings(url=both))
        schema.upgrade(database)
        ports = (free_port(), free_port())
        with (
            gateway(tmp_path / "one", ports[0], both, {"TBSCREEN_GATEWAY__NAME": "one"}),
            gateway(tmp_path / "two", ports[1], both, {"TBSCREEN_GATEWAY__NAME": "two"}),
        ):
            films = [small_film(tmp_path, number) for number in range(8)]
            for number, film in enumerate(films[:4]):
                assert store_raw(ports[number % 2], film) == 0x0000
            kill_server(primary)
            assert store_raw(ports[0], films[4]) == 0xA700
            programs, identity = find_postgresql(), unprivileged_identity()
            promote = [str(programs / "pg_ctl"), "promote", "-D", str(data), "-w"]
            subprocess.run(promote, cwd="/", check=True, capture_output=True, timeout=60, **identity)
            with psycopg.connect(plain(standby), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
                connection.execute("SELECT pg_reload_conf()")
            for number, film in enumerate(films[4:]):
                wait_until(lambda: store_raw(ports[number % 2], film) == 0x0000, 60, "the film is taken")  # noqa: B023
            assert count_films(database, {str(read(film).SOPInstanceUID) for film in films}) == len(films)
        database.close()


def test_gateways_answer_in_time_while_another_session_locks_the_films(
    postgresql_database: Database, tmp_path: Path
) -> None:
    url = postgresql_database.engine.url.render_as_string(hide_password=False)
    ports = (free_port(), free_port())
    films = [small_film(tmp_path, number) for number in range(2)]
    answers: dict[int, int | None] = {}
    with (
        gateway(tmp_path / "one", ports[0], url, {"TBSCREEN_GATEWAY__NAME": "one"}),
        gateway(tmp_path / "two", ports[1], url, {"TBSCREEN_GATEWAY__NAME": "two"}),
    ):

        def send(number: int) -> None:
            answers[number] = store_raw(ports[number], films[number])

        senders = [threading.Thread(target=send, args=(number,)) for number in range(2)]
        with postgresql_database.write() as session:
            session.execute(text("LOCK TABLE instances IN ACCESS EXCLUSIVE MODE"))
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join(timeout=60)
            assert answers == {0: 0xA700, 1: 0xA700}, "after the longest wait for a lock"
        for number in range(2):
            wait_until(lambda: store_raw(ports[number], films[number]) == 0x0000, 60, "taken")  # noqa: B023
    assert count_films(postgresql_database, {str(read(film).SOPInstanceUID) for film in films}) == 2
