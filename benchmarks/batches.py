"""Films per second from predicting processes to scores, each by itself and through a device process.

    python -m benchmarks.batches [--batch 8] [--films 400] [--rounds 3]

The network is the shipped bundle on the runtime that this host chooses. First one process scores film after
film. Then `--batch` processes ask a device process, which computes those that wait in one pass; and the same
with passes of one film. In turns; medians. CPU is that of all these processes, in ms a film. On a GPU the
third row against the second is what batches gain. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from domain.bundle.bundle import Bundle, open_bundle
from tbscreen.machine import describe_machine
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tbscreen.processes.logs import configure_logs
from worker.batches.device_keeper import DeviceKeeper
from worker.batches.device_link import DeviceLink
from worker.batches.device_messages import Question, QuestionKind
from worker.golden_arrays import draw_golden_arrays
from worker.prepared_network import open_prepared
from worker.screening_network import ScreeningNetwork
from worker.watchdog import Heartbeats

ARRAYS: Final = draw_golden_arrays(16)
SPENT: Final = struct.Struct("=dd")
"""Seconds and seconds of CPU, from a child."""


class ShippedOpener:
    """Opens the shipped bundle, without a database."""

    def __init__(self, bundle: Bundle, graphs: Path) -> None:
        self._bundle, self._graphs = bundle, graphs

    def find_active(self) -> str:
        """Return its digest."""
        return self._bundle.digest

    def open(self, digest: str) -> ScreeningNetwork:
        """Return its network on the fastest runtime of this host."""
        network = open_prepared(self._bundle, self._graphs)
        if network is None:
            from worker.predictor import Predictor

            network = Predictor(self._bundle)
        network.warm_up()
        return network


def in_children(count: int, act: Callable[[], bytes]) -> list[bytes]:
    """Run `act` in so many forked processes, and return what they return."""
    reader, writer = os.pipe()
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            os.write(writer, act())
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "a process failed"
    results = [os.read(reader, SPENT.size) for _ in children]
    os.close(reader)
    os.close(writer)
    return results


def score_here(opener: ShippedOpener, films: int) -> tuple[float, float]:
    """Score films one by one in one process; returns seconds and seconds of CPU, the load not included."""

    def score() -> bytes:
        network = opener.open("")
        began, before = time.monotonic(), time.process_time()
        for number in range(films):
            network.predict(ARRAYS[number % len(ARRAYS)][np.newaxis])
        return SPENT.pack(time.monotonic() - began, time.process_time() - before)

    seconds, cpu = SPENT.unpack(in_children(1, score)[0])
    return seconds, cpu


def score_through(opener: ShippedOpener, films: int, processes: int, batch: int) -> tuple[float, float]:
    """Score films from some processes through a device process; returns seconds and seconds of CPU."""
    digest = opener.find_active()
    keeper = DeviceKeeper(1, batch, lambda: opener, Heartbeats())
    try:
        keeper.keep()
        DeviceLink(keeper.addresses[0], None).wait_until_ready()  # type: ignore[arg-type]
        (device,) = psutil.Process().children()

        def ask() -> bytes:
            link = DeviceLink(keeper.addresses[0], None)  # type: ignore[arg-type]
            for number in range(films // processes):
                link.ask(Question(QuestionKind.SCORE, digest, ARRAYS[number % len(ARRAYS)]))
            return SPENT.pack(0.0, time.process_time())

        began, before = time.monotonic(), sum(device.cpu_times()[:2])
        asked = in_children(processes, ask)
        seconds = time.monotonic() - began
        cpu = sum(device.cpu_times()[:2]) - before + sum(SPENT.unpack(spent)[1] for spent in asked)
    finally:
        keeper.close()
    return seconds, cpu


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    configure_logs("console", "benchmark")
    print(describe_machine())
    films, batch = options.films, options.batch
    with tempfile.TemporaryDirectory() as folder:
        opener = ShippedOpener(open_bundle(DEFAULT_BUNDLE), Path(folder))
        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "one process": lambda: score_here(opener, films),
            f"{batch} processes, 1 film a pass": lambda: score_through(opener, films, batch, 1),
            f"{batch} processes, {batch} films a pass": lambda: score_through(opener, films, batch, batch),
        }
        score_here(opener, 1)  # prepares the graph
        spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, score in ways.items():
                spent[way].append(score())
    table = {
        way: {
            "films_per_s": round(films / statistics.median(seconds for seconds, _ in rounds), 1),
            "cpu_ms": round(1000 * statistics.median(cpu for _, cpu in rounds) / films, 1),
        }
        for way, rounds in spent.items()
    }
    for way, row in table.items():
        print(f"{way}: {row['films_per_s']} films/s, {row['cpu_ms']} ms of CPU a film")
    print(json.dumps({"batch": options.batch, "films": options.films, "ways": table}))


if __name__ == "__main__":
    main()
