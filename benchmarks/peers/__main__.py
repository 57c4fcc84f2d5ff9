"""`python -m benchmarks.peers`: the round trip of this tree and of its peers in turns.

The ratios are the peer's processor time and p95 by ours, and films a second of ours by the peer's: above 1 is
in our favour. Processor time is that of all processes but sender and PACS, which is printed apart; where the
machine is shared, it counts and the seconds do not. Memory is that of all processes at rest, and so is
`rest_ms`, CPU a second; `commits` are transactions that wrote, a film. Of the script these are not measured
(0). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.inputs.full_size_films import make_films
from benchmarks.peers.script_site import measure_script
from tbscreen.machine import describe_machine
from tests.checkout import ROOT

SCRIPT: Final = "script"
OURS: Final = "this tree"
OUTSIDE: Final = "sender and PACS"


@contextlib.contextmanager
def _worktree(commit: str, place: Path) -> Iterator[Path]:
    folder = place / commit
    subprocess.run(["git", "worktree", "add", "--detach", folder, commit], cwd=ROOT, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


def measure_tree(folder: Path, films: int, associations: int) -> dict[str, Any]:
    """Return the result of the round trip of the tree in `folder`."""
    words = [sys.executable, str(ROOT / "benchmarks" / "peers" / "tree_round_trip.py")]
    words += ["--films", str(films), "--associations", str(associations)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    run = subprocess.run(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=900
    )
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def _sum_ours(parts: dict[str, float]) -> float:
    return sum(value for part, value in parts.items() if part != OUTSIDE)


def _sum_up(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {
        "cpu_ms": round(statistics.median(_sum_ours(result["cpu_ms"]) for result in results), 1),
        "sender_and_pacs_ms": round(statistics.median(result["cpu_ms"][OUTSIDE] for result in results), 1),
        "films_per_second": round(statistics.median(result["films_per_second"] for result in results), 2),
        "p50_ms": round(statistics.median(result["p50_ms"] for result in results), 1),
        "p95_ms": round(statistics.median(result["p95_ms"] for result in results), 1),
        "commits": statistics.median(result.get("commits", 0) for result in results),
        "memory_mb": statistics.median(result.get("memory_mb", 0) for result in results),
        "rest_ms": round(statistics.median(_sum_ours(result.get("rest_ms", {})) for result in results), 1),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("peers", nargs="*", default=[SCRIPT], help="'script', or a commit")
    parser.add_argument("--films", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--associations", type=int, default=1)
    options = parser.parse_args()
    print(describe_machine())
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in (OURS, *options.peers)}
    with tempfile.TemporaryDirectory(prefix="tbscreen-peers-") as name, contextlib.ExitStack() as stack:
        place = Path(name)
        trees = {OURS: ROOT}
        for commit in options.peers:
            if commit != SCRIPT:
                trees[commit] = stack.enter_context(_worktree(commit, place))
        for number in range(options.rounds):
            for peer, found in results.items():
                if peer == SCRIPT:
                    films = make_films(place / f"films-{number}", options.films)
                    found.append(measure_script(films, options.associations))
                else:
                    found.append(measure_tree(trees[peer], options.films, options.associations))
                print(f"{peer}: {json.dumps(found[-1])}", flush=True)
    summary = {peer: _sum_up(found) for peer, found in results.items()}
    ours = summary[OURS]
    ratios = {
        peer: {
            "cpu": round(theirs["cpu_ms"] / ours["cpu_ms"], 2),
            "films_per_second": round(ours["films_per_second"] / theirs["films_per_second"], 2),
            "p95": round(theirs["p95_ms"] / ours["p95_ms"], 2),
            "memory": round(theirs["memory_mb"] / ours["memory_mb"], 2),
        }
        for peer, theirs in summary.items()
        if peer != OURS
    }
    print(json.dumps({**summary, "ratios": ratios}))


if __name__ == "__main__":
    main()
