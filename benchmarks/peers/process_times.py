"""Processor time and memory of a process's descendants. Imports no other module of the repository."""

from __future__ import annotations

import re
from collections import Counter

import psutil

PARTS = re.compile(r"-m tbscreen (\w+)")


def measure_cpu_s(process: psutil.Process) -> Counter[str]:
    """Return user and system seconds of `process` (`sender and PACS`) and of its descendants by part.

    A part counts its ended children, too, so that a difference of two measurements lacks nothing.
    """
    own = process.cpu_times()
    times = Counter({"sender and PACS": own.user + own.system})
    waiting = [(child, "") for child in process.children()]
    while waiting:
        member, inherited = waiting.pop()
        try:
            part = _name_part(member) or inherited
            spent = member.cpu_times()
            waiting += [(child, part) for child in member.children()]
        except psutil.NoSuchProcess:
            continue
        times[part] += spent.user + spent.system + spent.children_user + spent.children_system
    return times


def measure_memory_mb(process: psutil.Process) -> float:
    """Return the memory of all descendants of `process`, 10^6 bytes; what they share is counted once."""
    private, shared = 0, Counter[str]()
    for member in process.children(recursive=True):
        for part in member.memory_maps(grouped=True):
            private += part.private_dirty
            shared[part.path] = max(shared[part.path], part.rss - part.private_dirty)
    return (private + shared.total()) / 1e6


def _name_part(process: psutil.Process) -> str:
    """Return a process's part; empty for a child of multiprocessing, which belongs to its parent's."""
    name = process.name().lower()
    if "python" not in name and not name.startswith("["):
        return next((known for known in ("redis", "orthanc") if known in name), name)
    words = " ".join(process.cmdline())
    found = PARTS.search(words)
    return found[1] if found else "script" if "orthanc_script" in words else ""
