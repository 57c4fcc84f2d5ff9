"""CPU seconds per test file: `python -m pytest -p tests.cpu_report PATHS`, with the costliest tests.

CPU time, not wall time: it is the same beside other work. Processes that tests start count too, those that
have ended and those that still run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Final

import psutil
import pytest

LINES: Final = 40
"""Number of tests that are listed."""
LEAST_S: Final = 1.0
"""CPU seconds of a file that is listed."""

_tests: Counter[str] = Counter()
_totals: Counter[str] = Counter()
_last = [0.0]


def used_cpu_s() -> float:
    """Return the CPU seconds of this process, of its ended children, and of its running descendants."""
    total = sum(os.times()[:4])
    for process in psutil.Process().children(recursive=True):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue  # its parent has waited for it: it counts next time
    return total


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note on each report how much CPU time its phase took; pytest-xdist hands it to the main process."""
    report = yield
    if call.when in ("setup", "teardown") or call.duration > 0.05:
        now = used_cpu_s()
        report.cpu_s = now - _last[0]
        _last[0] = now
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start to count after the imports of the test files."""
    _last[0] = used_cpu_s()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a phase to its test."""
    _tests[report.nodeid] += getattr(report, "cpu_s", 0.0)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's total to the main process."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["cpu_s"] = used_cpu_s()
    else:
        _totals["main"] = sum(os.times()[:2])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Take a worker's total."""
    output = getattr(node, "workeroutput", {})
    _totals[f"worker {len(_totals)}"] = output.get("cpu_s", 0.0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the files and the costliest tests."""
    files: Counter[str] = Counter()
    for nodeid, cpu_s in _tests.items():
        files[nodeid.split("::")[0]] += cpu_s
    total = used_cpu_s() if len(_totals) == 1 else sum(_totals.values())
    terminalreporter.section(f"CPU seconds: {total:.0f}, of which in tests {sum(files.values()):.0f}")
    listed = [(name, cpu_s) for name, cpu_s in files.most_common() if cpu_s >= LEAST_S]
    for rows in (listed, _tests.most_common(LINES)):
        for name, cpu_s in rows:
            terminalreporter.write_line(f"{cpu_s:8.1f}  {name}")
        terminalreporter.write_line("")
