"""`benchmarks.round_trip` of the tree in the working directory, with the processor time of each part.

    python benchmarks/peers/tree_round_trip.py --films 40 --associations 1

Run by path, so that `benchmarks.round_trip` is that of any commit. It takes the same options; the last line
is the JSON object of that tree with `cpu_ms`: ms a film, by part; `commits`: transactions of all processes
that wrote, a film (SQLite); and, before the first film, `memory_mb` of all processes and `rest_ms`: CPU, ms a
second.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil

REST_S: Final = 10.0
CHANGES: Final = struct.Struct("=8xI")
"""Start of the index of SQLite's write-ahead log, with the number of transactions (WalIndexHdr)."""

sys.path[:0] = [str(Path.cwd()), str(Path(__file__).parent)]


def _count_commits(installation: Any) -> int:
    """Return the transactions that have written to the installation's SQLite database."""
    index = Path(f"{installation.database.engine.url.database}-shm")
    with index.open("rb") as file:
        return int(CHANGES.unpack(file.read(CHANGES.size))[0])


def main() -> None:
    """Run it."""
    from process_times import measure_cpu_s, measure_memory_mb  # type: ignore[import-not-found]  # beside this file

    round_trip: Any = importlib.import_module("benchmarks.round_trip")
    this = psutil.Process()
    spent: Counter[str] = Counter()
    rest: Counter[str] = Counter()
    films, commits, memory_mb = 0, 0, 0.0
    open_trial, send = round_trip.trial, round_trip.send

    def counted_send(installation: Any, *arguments: Any) -> Any:
        nonlocal commits
        commits -= _count_commits(installation)
        spent.subtract(measure_cpu_s(this))
        return send(installation, *arguments)

    @contextlib.contextmanager
    def counted_trial(**arguments: Any) -> Iterator[Any]:
        nonlocal memory_mb
        with open_trial(**arguments) as installation:
            if not rest:
                memory_mb = measure_memory_mb(this)
                rest.subtract(measure_cpu_s(this))
                time.sleep(REST_S)
                rest.update(measure_cpu_s(this))
            wait_for = installation.pacs.wait_for

            def counted_wait(count: int, timeout_s: float) -> bool:
                nonlocal films, commits
                complete = bool(wait_for(count, timeout_s))
                spent.update(measure_cpu_s(this))
                films += count
                commits += _count_commits(installation)
                return complete

            installation.pacs.wait_for = counted_wait
            yield installation

    round_trip.trial, round_trip.send = counted_trial, counted_send
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        round_trip.main()
    result = json.loads(printed.getvalue().splitlines()[-1])
    result["cpu_ms"] = {part: round(1000 * value / films, 1) for part, value in spent.items()}
    result["commits"] = round(commits / films, 2)
    result["memory_mb"] = round(memory_mb)
    result["rest_ms"] = {part: round(1000 * value / REST_S, 1) for part, value in rest.items()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
