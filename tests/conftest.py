"""Fixtures of all tests: real servers, one of each for the run, and migrated databases."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
import structlog

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Record
from dicom_gateway.library_settings import configure_dicom_libraries
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.database import empty_tables, fresh_database, postgresql
from tests.servers.missing import is_fast_run
from tests.servers.redis import redis_server
from worker.time_limit import SIG_SOFT_TIMEOUT

# Without bytecode each of the several hundred processes that tests start would compile all code anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOMS = ("e2e", "integration", "unit/worker", "unit/tbscreen", "unit/training")
"""The slowest first, so that no worker of pytest-xdist is left with a long file at the end."""


class NoTensorFlow(MetaPathFinder):
    """Skip the test that imports Keras or TensorFlow, or its file: in a fast run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find nothing itself."""
        if fullname in ("keras", "tensorflow"):
            pytest.skip("needs TensorFlow: make test", allow_module_level=True)
        return None


def pytest_configure() -> None:
    """Set the handlers of signals, and keep TensorFlow out of a fast run.

    A closed terminal ends what tests start, also under nohup. A soft time limit outside of the tests that
    expect it prints where each thread is, in place of ending the process without a word.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(SIG_SOFT_TIMEOUT, lambda *_: faulthandler.dump_traceback(sys.__stderr__))
    if is_fast_run():
        sys.meta_path.insert(0, NoTensorFlow())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Search for no garbage while test files are imported, nor later among what they leave."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by room."""

    def rank(item: pytest.Item) -> int:
        place = item.path.relative_to(Path(__file__).parent).as_posix()
        return next((at for at, room in enumerate(ROOMS) if place.startswith(room)), len(ROOMS))

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests play no part in them."""
    for name in list(os.environ):
        if name.startswith("TBSCREEN_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_logs_into_another_test() -> Iterator[None]:
    """A command that a test runs in this process sets up logs, to a standard error that is the test's own."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        for handler in logging.root.handlers[:]:
            if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
                logging.root.removeHandler(handler)


@pytest.fixture(autouse=True)
def no_number_format_into_another_test() -> Iterator[None]:
    """A training that a test runs in this process sets Keras' number format, bfloat16 on some CPUs."""
    yield
    if "training.learning.precision" in sys.modules:
        precision = sys.modules["training.learning.precision"]
        precision.set_precision(precision.Precision.FLOAT32)


@pytest.fixture(scope="session", autouse=True)
def dicom_libraries_of_a_process_that_reads() -> None:
    """Tests call what runs in processes whose main functions set up pydicom."""
    configure_dicom_libraries()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server, one for the whole run."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis server, one for the whole run."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A CA and what it has signed."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def empty_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """URL of a new PostgreSQL database without tables."""
    with fresh_database(postgresql_server) as url:
        yield url


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """URL of a new SQLite database without tables."""
    return f"sqlite:///{tmp_path / 'database' / 'tbscreen.sqlite3'}"


@pytest.fixture(scope="session")
def migrated_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """URL of one migrated PostgreSQL database for the whole run: ask for `postgresql_url`."""
    with fresh_database(postgresql_server) as url:
        _migrate(url)
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database that is only copied."""
    file = tmp_path_factory.mktemp("template") / "tbscreen.sqlite3"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def postgresql_url(migrated_postgresql_url: str) -> str:
    """URL of a migrated PostgreSQL database that is empty and to which nobody is connected."""
    empty_tables(migrated_postgresql_url, [table.name for table in reversed(Record.metadata.sorted_tables)])
    return migrated_postgresql_url


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> str:
    """URL of a migrated SQLite database that is empty."""
    file = sqlite_template.parent / "database" / "tbscreen.sqlite3"
    shutil.rmtree(file.parent, ignore_errors=True)
    file.parent.mkdir()
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a new, migrated database: each test runs on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A new database without tables: each test runs on SQLite and on PostgreSQL."""
    database = Database.open(DatabaseSettings(url=request.getfixturevalue(f"empty_{request.param}_url")))
    yield database
    database.close()


@pytest.fixture(scope="session")
def open_databases() -> dict[str, Database]:
    """By URL. Kept from test to test without their connections: SQLAlchemy compiles its statements once."""
    return {}


@pytest.fixture
def database(database_url: str, open_databases: dict[str, Database]) -> Iterator[Database]:
    """A new, migrated database: each test runs on SQLite and on PostgreSQL."""
    yield from _open(database_url, open_databases)


@pytest.fixture
def sqlite_database(sqlite_url: str, open_databases: dict[str, Database]) -> Iterator[Database]:
    """A new, migrated SQLite database."""
    yield from _open(sqlite_url, open_databases)


@pytest.fixture
def postgresql_database(postgresql_url: str, open_databases: dict[str, Database]) -> Iterator[Database]:
    """A new, migrated PostgreSQL database."""
    yield from _open(postgresql_url, open_databases)


def _open(url: str, known: dict[str, Database]) -> Iterator[Database]:
    if url not in known:
        known[url] = Database.open(DatabaseSettings(url=url))
    yield known[url]
    known[url].close()


def _migrate(url: str) -> None:
    database = Database.open(DatabaseSettings(url=url))
    schema.upgrade(database)
    database.close()
