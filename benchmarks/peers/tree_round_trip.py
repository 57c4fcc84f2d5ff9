"""`benchmarks.round_trip` of the tree in the working directory, with the processor time of each part.

    python benchmarks/peers/tree_round_trip.py --films 40 --associations 1

Run by path, so that `benchmarks.round_trip` is that of any commit. It takes the same options; the last line
is the JSON object of that tree with `cpu_ms`: ms a film, by part, and `memory_mb`: of all processes before
the first film.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

sys.path[:0] = [str(Path.cwd()), str(Path(__file__).parent)]


def main() -> None:
    """Run it."""
    from process_times import measure_cpu_s, measure_memory_mb  # type: ignore[import-not-found]  # beside this file

    round_trip: Any = importlib.import_module("benchmarks.round_trip")
    this = psutil.Process()
    spent: Counter[str] = Counter()
    films, memory_mb = 0, 0.0
    open_trial, send = round_trip.trial, round_trip.send

    def counted_send(*arguments: Any) -> Any:
        spent.subtract(measure_cpu_s(this))
        return send(*arguments)

    @contextlib.contextmanager
    def counted_trial() -> Iterator[Any]:
        nonlocal memory_mb
        with open_trial() as installation:
            memory_mb = memory_mb or measure_memory_mb(this)
            wait_for = installation.pacs.wait_for

            def counted_wait(count: int, timeout_s: float) -> bool:
                nonlocal films
                complete = bool(wait_for(count, timeout_s))
                spent.update(measure_cpu_s(this))
                films += count
                return complete

            installation.pacs.wait_for = counted_wait
            yield installation

    round_trip.trial, round_trip.send = counted_trial, counted_send
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        round_trip.main()
    result = json.loads(printed.getvalue().splitlines()[-1])
    result["cpu_ms"] = {part: round(1000 * value / films, 1) for part, value in spent.items()}
    result["memory_mb"] = round(memory_mb)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
