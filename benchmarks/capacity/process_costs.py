"""Processor time and memory of the processes of a running installation."""

from __future__ import annotations

import os
from collections import Counter

import psutil

from tbscreen.demo.trial import Trial


def measure_cpu_s(installation: Trial, postgresql: int | None) -> Counter[str]:
    """Return processor seconds by part, since its processes started.

    The gateway's are told apart: `reception` are its listener processes, `preparation` those that decode,
    `handing_over` is the process that takes films from the spool and gives them to the broker.
    `load_generator` is this process: sender and PACS.

    Args:
        installation: with listener processes of its own.
        postgresql: process ID of the database server, where there is one.
    """
    costs: Counter[str] = Counter()
    for part, process in _list_processes(installation, postgresql):
        times = process.cpu_times()
        costs[part] += times.user + times.system
        if part == "postgresql":
            costs[part] += times.children_user + times.children_system
    return costs


def measure_resident_bytes(installation: Trial, postgresql: int | None) -> dict[str, int]:
    """Return the resident memory of the largest process of each part, in bytes."""
    sizes: dict[str, int] = {}
    for part, process in _list_processes(installation, postgresql):
        sizes[part] = max(sizes.get(part, 0), process.memory_info().rss)
    return sizes


def _list_processes(installation: Trial, postgresql: int | None) -> list[tuple[str, psutil.Process]]:
    found = [("load_generator", psutil.Process(os.getpid()))]
    service = installation.service
    for pid in service.supervisor.pids():
        process = psutil.Process(pid)
        words = process.cmdline()
        name = next((kind for kind in ("gateway", "worker", "courier", "web") if kind in words), "redis")
        children = process.children(recursive=True)
        if name == "gateway":
            found.append(("handing_over", process))
            for child in children:
                listens = any(
                    connection.laddr.port == service.dicom_port for connection in child.net_connections("tcp")
                )
                found.append(("reception" if listens else "preparation", child))
        else:
            found += [(name, member) for member in (process, *children)]
    if postgresql is not None:
        server = psutil.Process(postgresql)
        found += [("postgresql", member) for member in (server, *server.children(recursive=True))]
    return found
