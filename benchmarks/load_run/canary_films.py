"""Processor time of a canary film, sender included.

    python -m benchmarks.load_run.canary_films

It runs a whole service with the default bundle, sends canary films to its gateway one after the other from
this process, and subtracts what the service takes without them in the same time.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Final

import psutil

from benchmarks.peers.process_times import measure_cpu_s
from dicom_gateway.canary.canary_run import CanaryRun
from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.settings import spool_directory
from dicom_gateway.spool import Spool
from tbscreen.demo.trial import trial
from tests.servers.ports import free_port

FILMS: Final = 20


def main() -> None:
    """Print milliseconds by part."""
    with trial(gateway_port=free_port()) as installation:
        settings = installation.settings
        spool = Spool(spool_directory(settings.data_directory))
        configure_dicom_libraries(spool.incoming)
        run = CanaryRun(
            settings.gateway, installation.database, spool, lambda seconds: time.sleep(seconds) or False
        )
        this = psutil.Process(os.getpid())
        run.run()  # draws the film, warms the worker up
        before, began = measure_cpu_s(this), time.monotonic()
        verdicts = Counter(judged.verdict.value for _ in range(FILMS) if (judged := run.run()) is not None)
        spent, took_s = measure_cpu_s(this), time.monotonic() - began
        time.sleep(took_s)
        idle = measure_cpu_s(this)
    cost = {part: ((spent[part] - before[part]) - (idle[part] - spent[part])) / FILMS for part in idle}
    for part, seconds in sorted(cost.items(), key=lambda entry: -entry[1]):
        print(f"{part or 'supervisor':<16} {seconds * 1000:7.1f} ms a canary film")
    print(f"{'sum':<16} {sum(cost.values()) * 1000:7.1f} ms; {dict(verdicts)}, {took_s / FILMS:.2f} s each")


if __name__ == "__main__":
    main()
