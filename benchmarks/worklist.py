"""Pages of the worklist over 1,000,000 studies in SQLite and in PostgreSQL, over 10,000,000 with `--large`.

    python -m benchmarks.worklist [--large] [--databases sqlite [--cpu]] [--plans] [--keep FOLDER]

Each study has one film and its result. A page is 50 studies with their films, as every door reads it, in a
new transaction each time; filters ask for something else each time. The peer is the usual way to a deep page:
the same order, by the same index, and OFFSET. `--plans` prints how the database finds each kind of page.
`--keep` leaves the databases in a folder, and `--only-fill` measures nothing: then filling and measuring are
two calls. A kept database's files are read once before it is measured, unless `--cold`. The last line is one
JSON object: p50 and p95 of each kind of page, milliseconds.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from benchmarks.inputs.worklist_filling import DAYS, FIRST_UID, GIVEN, NOW, SENDERS, STATIONS, SURNAMES, fill
from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Study
from db.worklist import worklist
from db.worklist.worklist_filter import WorklistFilter
from db.worklist.worklist_places import Place
from tbscreen.machine import describe_machine
from tests.query_plans import explain, statements_of
from tests.servers.database import postgresql

PAGE = 50
STUDIES = 1_000_000
COPIES = 10


@dataclass(frozen=True)
class Kind:
    """One kind of page: its name, and a filter that is drawn anew each time."""

    name: str
    draw: Callable[[random.Random], WorklistFilter]
    deep: bool = False


def _days(chance: random.Random, count: int) -> dict[str, str]:
    first = NOW - timedelta(days=chance.randrange(count, DAYS))
    return {
        "study_date_from": f"{first:%Y%m%d}",
        "study_date_to": f"{first + timedelta(days=count - 1):%Y%m%d}",
    }


def _name(chance: random.Random, given: bool) -> str:
    surname = chance.choice(SURNAMES)
    return f"{surname} {chance.choice(GIVEN)}" if given else surname


KINDS = [
    Kind("first page", lambda _: WorklistFilter()),
    Kind("deep page", lambda _: WorklistFilter(), deep=True),
    Kind("unread", lambda _: WorklistFilter(read=False)),
    Kind("priority", lambda c: WorklistFilter(priorities=(c.choice(["HIGH", "MEDIUM", "LOW"]),))),
    Kind("state", lambda c: WorklistFilter(states=(c.choice(["received", "screened", "refused"]),))),
    Kind("refusal", lambda c: WorklistFilter(refusals=(c.choice(["not_frontal", "under_age"]),))),
    Kind("modality", lambda c: WorklistFilter(modalities=(c.choice(["CR", "DX"]),))),
    Kind("station", lambda c: WorklistFilter(stations=(c.choice(STATIONS),))),
    Kind("stations by wildcard", lambda c: WorklistFilter(stations=(f"ROOM{c.randrange(4)}*",))),
    Kind("sender", lambda c: WorklistFilter(senders=(c.choice(SENDERS),))),
    Kind("study date, a day", lambda c: WorklistFilter(**_days(c, 1))),
    Kind("study date, a week", lambda c: WorklistFilter(**_days(c, 7))),
    Kind("study date, 60 days", lambda c: WorklistFilter(**_days(c, 60))),
    Kind("study date, a year", lambda c: WorklistFilter(**_days(c, 365))),
    Kind(
        "received, last 2 days",
        lambda _: WorklistFilter(received_from=NOW - timedelta(days=2), received_before=NOW),
    ),
    Kind("text: accession", lambda c: WorklistFilter(text=f"a{c.randrange(STUDIES):09}")),
    Kind("text: patient ID", lambda c: WorklistFilter(text=f"p{c.randrange(STUDIES):08}"[:7])),
    Kind("text: surname", lambda c: WorklistFilter(text=_name(c, given=False))),
    Kind("text: surname, given name", lambda c: WorklistFilter(text=_name(c, given=True))),
    Kind("text: given name", lambda c: WorklistFilter(text=c.choice(GIVEN))),
    Kind("text: given name, unread", lambda c: WorklistFilter(text=c.choice(GIVEN), read=False)),
    Kind(
        "text: given name, surname", lambda c: WorklistFilter(text=f"{c.choice(GIVEN)} {c.choice(SURNAMES)}")
    ),
    Kind("text: station", lambda c: WorklistFilter(text=c.choice(STATIONS))),
    Kind(
        "study UID",
        lambda c: WorklistFilter(study_instance_uids=(f"2.25.{FIRST_UID + c.randrange(STUDIES)}",)),
    ),
    Kind("station, week", lambda c: WorklistFilter(stations=(c.choice(STATIONS),), **_days(c, 7))),
    Kind(
        "modality, station, unread",
        lambda c: WorklistFilter(modalities=("CR",), stations=(c.choice(STATIONS),), read=False),
    ),
    Kind(
        "HIGH, sender, station",
        lambda c: WorklistFilter(
            priorities=("HIGH",), senders=(c.choice(SENDERS),), stations=(c.choice(STATIONS),)
        ),
    ),
]


Clock = Callable[[], float]
"""A clock, seconds."""


def measure(database: Database, rounds: int, plans: bool, clock: Clock) -> dict[str, dict[str, float]]:
    """Return p50 and p95 of every kind of page, milliseconds."""
    results: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        chance = random.Random(kind.name)
        took = []
        for number in range(rounds + 5):
            wanted = kind.draw(chance)
            after = _draw_cursor(database, chance) if kind.deep else None
            began = clock()
            with database.read() as session:
                worklist.find_page(session, wanted, limit=PAGE, after=after)
            if number >= 5:  # the first ones compile statements
                took.append((clock() - began) * 1000)
        results[kind.name] = _summarize(took)
        print(
            f"  {kind.name:28} p50 {results[kind.name]['p50']:7.2f}  p95 {results[kind.name]['p95']:7.2f} ms"
        )
        if plans:
            _print_plan(database, kind)
    results["deep page by OFFSET"] = _summarize([_take_offset(database, clock) for _ in range(5)])
    print(f"  {'(peer) deep page by OFFSET':28} p50 {results['deep page by OFFSET']['p50']:7.2f} ms")
    return results


def _summarize(took: list[float]) -> dict[str, float]:
    return {
        "p50": round(statistics.median(took), 2),
        "p95": round(sorted(took)[int(len(took) * 0.95)], 2) if len(took) > 20 else round(max(took), 2),
    }


def _draw_cursor(database: Database, chance: random.Random) -> str:
    with database.read() as session:
        row = session.execute(
            select(Study.place, Study.received_at, Study.id).where(Study.id == chance.randrange(1, STUDIES))
        ).one()
    return worklist.write_cursor(Place(*row))


def _take_offset(database: Database, clock: Clock) -> float:
    order = (Study.place, Study.received_at, Study.id)
    began = clock()
    with database.read() as session:
        session.execute(select(Study.id).order_by(*order).limit(PAGE).offset(STUDIES // 2)).all()
    return (clock() - began) * 1000


def _print_plan(database: Database, kind: Kind) -> None:
    with statements_of(database) as statements, database.read() as session:
        worklist.find_page(session, kind.draw(random.Random(1)), limit=PAGE)
    for plan in explain(database, statements)[:4]:
        for line in plan[:8]:
            print(f"      {line}")


@contextmanager
def open_filled(name: str, place: Path, copies: int, *, cold: bool = True) -> Iterator[Database]:
    """Make a database of one kind, filled, for the block; or take the one that is there."""
    with ExitStack() as stack:
        if name == "sqlite":
            url = f"sqlite:///{place / f'worklist-{copies}.sqlite3'}"
        else:
            url = stack.enter_context(postgresql(place / f"postgresql-{copies}"))
        database = Database.open(DatabaseSettings(url=url))
        began = time.monotonic()
        schema.upgrade(database)
        fill(database, STUDIES, copies)
        print(
            f"{database.check()}: {STUDIES * copies:,} studies, filled in {time.monotonic() - began:.0f} s",
            flush=True,
        )
        if not cold:
            for path in place.glob(f"worklist-{copies}.*" if name == "sqlite" else f"postgresql-{copies}"):
                _read_files(path)
        yield database
        database.close()


def _read_files(place: Path) -> None:
    """Read a kept database's files once: what is in use all day is in the page cache as far as it fits."""
    buffer = bytearray(8 * 2**20)
    for path in [place, *place.rglob("*")]:
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large", action="store_true", help=f"{STUDIES * COPIES:,} studies")
    parser.add_argument(
        "--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"]
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="leave the databases in this folder, and use them again")
    parser.add_argument(
        "--cold", action="store_true", help="do not read the files of kept databases once before"
    )
    parser.add_argument("--only-fill", action="store_true", help="measure nothing (with --keep)")
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="CPU time of this process (all of SQLite's), not seconds",
    )
    parser.add_argument("--plans", action="store_true", help="print how each page is found")
    options = parser.parse_args()
    if options.cpu and options.databases != ["sqlite"]:
        parser.error("--cpu needs --databases sqlite: PostgreSQL works in other processes")
    clock = time.process_time if options.cpu else time.perf_counter
    print(describe_machine())
    copies = COPIES if options.large else 1
    place = options.keep or Path(tempfile.gettempdir())
    if copies > 1 and not list(place.glob(f"*-{copies}*")) and shutil.disk_usage(place).free < 40e9:
        sys.exit(f"--large needs 40 GB of free disk in {place}")
    result: dict[str, object] = {"studies": STUDIES * copies, "page": PAGE, "rounds": options.rounds}
    for name in options.databases:
        with (
            tempfile.TemporaryDirectory(prefix="tbscreen-worklist-") as folder,
            open_filled(name, options.keep or Path(folder), copies, cold=options.cold) as database,
        ):
            if options.only_fill:
                continue
            pages = measure(database, options.rounds, options.plans, clock)
        worst = max(page["p95"] for kind, page in pages.items() if "OFFSET" not in kind)
        result[name] = {"worst_p95_ms": worst, **pages}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
