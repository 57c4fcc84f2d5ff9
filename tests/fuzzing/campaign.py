"""Sends mutants to a gateway with a worker, and waits for the status and the end of each."""

from __future__ import annotations

import http.client
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pynetdicom import AE, _config
from pynetdicom.association import Association
from sqlalchemy import func, select

from db import schema
from db.database import Database
from db.models import bundles
from db.settings import DatabaseSettings
from db.states import FilmState
from db.tables import Instance
from domain.bundle.bundle import open_bundle, read_files
from domain.codes import Refusal
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.fuzzing.mutations import SYNTAXES, Mutant, make_mutant
from tests.fuzzing.reports import Reports, build_reports
from tests.fuzzing.sources import Source, list_sources
from tests.servers.gateway import gateway
from tests.servers.peers.stow_requests import END, encode_part, make_token, post
from tests.servers.ports import free_port, wait_until
from tests.servers.product import product
from tests.servers.redis import redis_server

LONGEST_S = 5.0
"""Neither an answer nor a preparation may take longer."""

ASSOCIATIONS = 2


@dataclass
class Outcome:
    """The outcome of all files. Memory is resident, bytes."""

    files: int
    seconds: float = 0.0
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By mutation and end: a status like `0xC000`, a refusal, or `screened`."""
    unanswered: list[int] = field(default_factory=list)
    slow: list[int] = field(default_factory=list)
    """Answered later than `LONGEST_S`."""
    stuck: int = 0
    """Taken, and neither screened nor refused at the deadline."""
    reports: Reports = field(default_factory=Reports)
    lost: int = 0
    """Answered with success, and no row."""
    slowest_answer_s: float = 0.0
    memory: dict[str, list[int]] = field(default_factory=lambda: {"gateway": [], "preparation": []})

    def count(self, end: str) -> int:
        """Return the number of files with this end."""
        return sum(number for (_, found), number in self.ends.items() if found == end)

    def growth(self, process: str) -> int:
        """Return the growth of a process after the first third, lowest value against lowest value."""
        samples = self.memory[process]
        third = len(samples) // 3
        return min(samples[-third:]) - min(samples[third : 2 * third]) if third else 0


def run(
    files: int, seed: int, folder: Path, progress: Callable[[int], None], *, by_web: bool = False
) -> Outcome:
    """Send `files` mutants to a gateway with a database and a broker of its own.

    Args:
        files: how many.
        seed: the same seed and sources give the same files.
        folder: empty; for data, database and files on their way.
        progress: told how many are answered.
        by_web: send them by STOW-RS instead of C-STORE.
    """
    sources = list_sources(folder)
    url = f"sqlite:///{folder / 'tbscreen.db'}"
    database = make_database(url)
    outcome = Outcome(files)
    began = time.monotonic()
    with ExitStack() as stack:
        broker = stack.enter_context(redis_server())
        values = {"TBSCREEN_DATABASE_URL": url, "TBSCREEN_BROKER_URL": broker}
        worker = stack.enter_context(product("worker", "worker", folder, values))
        worker.wait_until_ready()
        port, web = free_port(), free_port()
        changes = {
            "TBSCREEN_BROKER_URL": broker,
            "TBSCREEN_GATEWAY__DICOMWEB__PORT": str(web),
            "TBSCREEN_GATEWAY__PREPARATION_TIMEOUT_S": str(LONGEST_S),
            "TBSCREEN_GATEWAY__REDISPATCH_AFTER_S": "30",
        }
        process = stack.enter_context(gateway(folder / "data", port, url, changes))

        def make_sender(number: int) -> _Sender | _WebSender:
            if by_web:
                return _WebSender(web, make_token(database))
            return _Sender(port, sources, folder / f"sending-{number}.dcm")

        taken = _send_all(outcome, range(files), seed, sources, make_sender, process.pid, progress)
        assert process.poll() is None, "the gateway ended"
        outcome.stuck = _wait_for_ends(database, 60 + files / 20)
        _measure(outcome, process.pid)
    outcome.reports = build_reports(database)
    _find_ends(database, taken, outcome)
    database.close()
    outcome.seconds = time.monotonic() - began
    return outcome


def make_database(url: str) -> Database:
    """Return a migrated database in which the bundle that comes with tbscreen is active."""
    database = Database.open(DatabaseSettings(url=url))
    schema.upgrade(database)
    bundle = open_bundle(DEFAULT_BUNDLE)
    with database.write() as session:
        bundles.register(session, bundle.digest, bundle.manifest.model_dump(mode="json"), read_files(bundle))
        bundles.mark_active(session, bundle.digest)
    return database


def _send_all(
    outcome: Outcome,
    numbers: Sequence[int],
    seed: int,
    sources: list[Source],
    make_sender: Callable[[int], _Sender | _WebSender],
    process: int,
    progress: Callable[[int], None],
) -> list[Mutant]:
    """Send every mutant over one of several associations; returns those that were taken."""
    lock = threading.Lock()
    taken: list[Mutant] = []
    answered = 0

    def send_share(share: Sequence[int]) -> None:
        nonlocal answered
        sender = make_sender(share[0])
        for number in share:
            mutant = make_mutant(seed, number, sources)
            status, took = sender.send(mutant)
            with lock:
                answered += 1
                outcome.slowest_answer_s = max(outcome.slowest_answer_s, took)
                if status is None:
                    outcome.unanswered.append(number)
                elif status == 0x0000:
                    taken.append(mutant)
                else:
                    outcome.ends[mutant.mutation, f"0x{status:04X}"] += 1
                if took > LONGEST_S:
                    outcome.slow.append(number)
                if answered % 50 == 0:
                    _measure(outcome, process)
                    progress(answered)
        sender.close()

    _config.STORE_SEND_CHUNKED_DATASET = True
    with ThreadPoolExecutor(ASSOCIATIONS) as pool:
        list(pool.map(send_share, [numbers[first::ASSOCIATIONS] for first in range(ASSOCIATIONS)]))
    return taken


class _Sender:
    """One association, opened again when it is lost."""

    def __init__(self, port: int, sources: list[Source], path: Path) -> None:
        self._port, self._path = port, path
        self._ae = AE(ae_title="MODALITY")
        self._ae.dimse_timeout = self._ae.network_timeout = self._ae.acse_timeout = 30
        pairs = {(source.sop_class_uid, source.transfer_syntax_uid) for source in sources}
        pairs |= {(source.sop_class_uid, str(syntax)) for source in sources for syntax in SYNTAXES}
        self._contexts: set[tuple[str, str]] = pairs
        self._association: Association | None = None

    def send(self, mutant: Mutant) -> tuple[int | None, float]:
        """Return the status, None where none came, and the seconds from the request to it."""
        self._path.write_bytes(encode(mutant))
        association = self._open(mutant)
        began = time.monotonic()
        answer = association.send_c_store(self._path)
        return int(answer.Status) if "Status" in answer else None, time.monotonic() - began

    def _open(self, mutant: Mutant) -> Association:
        wanted = (mutant.source.sop_class_uid, mutant.transfer_syntax_uid)
        if self._association is not None and self._association.is_established:
            here = {
                (str(context.abstract_syntax), str(context.transfer_syntax[0]))
                for context in self._association.accepted_contexts
            }
            if wanted in here:
                return self._association
            self._association.release()
        self._ae.requested_contexts = []
        # An association has room for 128 contexts (PS3.8 9.3.2.2).
        for sop_class, syntax in [wanted, *sorted(self._contexts - {wanted})][:127]:
            self._ae.add_requested_context(sop_class, syntax)
            self._ae.requested_contexts[-1].transfer_syntax = [syntax]
        self._association = self._ae.associate("127.0.0.1", self._port, ae_title="TBSCREEN")
        assert self._association.is_established, "the gateway takes no association any more"
        return self._association

    def close(self) -> None:
        if self._association is not None and self._association.is_established:
            self._association.release()


class _WebSender:
    """Store requests, one mutant in each."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token

    def send(self, mutant: Mutant) -> tuple[int | None, float]:
        """Return the status or the Failure Reason, None where none came, and the seconds to it."""
        body = encode_part(encode(mutant)) + END
        began = time.monotonic()
        try:
            answer = post(self._port, body, self._token)
            reasons = answer.list_reasons("00081198") + answer.list_reasons("0008119A")
            stored = answer.stored
        except (OSError, http.client.HTTPException, ValueError):
            return None, time.monotonic() - began
        took = time.monotonic() - began
        if stored == [mutant.sop_instance_uid] and not reasons and answer.status == 200:
            return 0x0000, took
        return (reasons[0] if len(reasons) == 1 and not stored else None), took

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""


def encode(mutant: Mutant) -> bytes:
    """Return a mutant as PS3.10 file, with good file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = mutant.source.sop_class_uid
    meta.MediaStorageSOPInstanceUID = mutant.sop_instance_uid
    meta.TransferSyntaxUID = mutant.transfer_syntax_uid
    buffer = io.BytesIO()
    buffer.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(buffer, meta)
    return buffer.getvalue() + mutant.dataset


def _measure(outcome: Outcome, process: int) -> None:
    gateway_process = psutil.Process(process)
    outcome.memory["gateway"].append(gateway_process.memory_info().rss)
    children = [child for child in gateway_process.children() if "spawn_main" in " ".join(child.cmdline())]
    if children:
        outcome.memory["preparation"].append(max(child.memory_info().rss for child in children))


def _wait_for_ends(database: Database, deadline_s: float) -> int:
    """Wait until each film is screened or refused; return the number of the others at the deadline."""

    def count() -> int:
        with database.read() as session:
            waiting = Instance.state.in_([FilmState.RECEIVED.value, FilmState.QUEUED.value])
            return session.scalar(select(func.count()).select_from(Instance).where(waiting)) or 0

    try:
        wait_until(lambda: count() == 0, deadline_s, "all films are screened or refused")
    except AssertionError:
        return count()
    return 0


def _find_ends(database: Database, taken: list[Mutant], outcome: Outcome) -> None:
    with database.read() as session:
        rows = session.execute(
            select(Instance.sop_instance_uid, Instance.state, Instance.refusal).order_by(Instance.id)
        )
        ends = {uid: refusal or state for uid, state, refusal in rows}
    for mutant in taken:
        end = ends.get(mutant.sop_instance_uid)
        if end is None:
            outcome.lost += 1
        elif end not in (FilmState.RECEIVED, FilmState.QUEUED):
            outcome.ends[mutant.mutation, end] += 1


CRASHED = Refusal.PROCESSING_FAILED.value
"""The refusal of a film whose preparation died or hung three times."""
