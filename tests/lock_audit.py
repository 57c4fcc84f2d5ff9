"""Compares the pinned packages with a security advisory database that lies on this disk; asks nobody.

    python -m tests.lock_audit ADVISORIES [requirements/service.lock …]

ADVISORIES is a folder or zip of advisories in the OSV format (JSON), as the OSV project gives them out for
the ecosystem PyPI, those of the PyPA Advisory Database among them. By default all lock files are looked at.
Exit status: 0 nothing is known, 1 an advisory fits a pinned version, 2 the data are none.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

LOCKS: Final = Path(__file__).parents[1] / "requirements"
PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


class AdvisoryError(Exception):
    """The advisories cannot be read. The text says what to do."""


@dataclass(frozen=True)
class Finding:
    """An advisory that fits a pinned version."""

    package: str
    version: str
    advisory: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]
    lock: str


def read_lock(path: Path) -> list[tuple[str, str]]:
    """Return names, in their canonical form, and versions of a lock file."""
    return [(canonicalize_name(name), version) for name, version in PINNED.findall(path.read_text("utf-8"))]


def read_advisories(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return advisories in force by the package that they are about.

    Raises:
        AdvisoryError: when there are none.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for content in _read_documents(path):
        advisory = json.loads(content)
        if not isinstance(advisory, dict) or "affected" not in advisory or advisory.get("withdrawn"):
            continue
        for name in {_name(package) for package in advisory["affected"]} - {""}:
            found.setdefault(name, []).append(advisory)
    if not found:
        raise AdvisoryError(f"{path}: no advisory for PyPI in the OSV format (JSON) is there")
    return found


def find(
    pinned: Sequence[tuple[str, str]], advisories: dict[str, list[dict[str, Any]]], lock: str
) -> list[Finding]:
    """Return the advisories that fit pinned versions."""
    findings = []
    for name, version in pinned:
        for advisory in advisories.get(name, []):
            affected = [package for package in advisory["affected"] if _name(package) == name]
            if any(_is_affected(version, package) for package in affected):
                aliases = tuple(advisory.get("aliases", ()))
                findings.append(Finding(name, version, advisory["id"], aliases, _list_fixed(affected), lock))
    return findings


def _name(affected: dict[str, Any]) -> str:
    """Return the name of the package, in its canonical form; nothing for one that is not PyPI's."""
    package = affected.get("package", {})
    return canonicalize_name(package["name"]) if package.get("ecosystem") == "PyPI" else ""


def _is_affected(version: str, affected: dict[str, Any]) -> bool:
    """As OSV says: the version is listed, or a range goes over it (osv-schema, "Evaluation")."""
    if version in affected.get("versions", ()):
        return True
    try:
        ours = Version(version)
        return any(
            _is_in_range(ours, package["events"])
            for package in affected.get("ranges", ())
            if package.get("type") in ("ECOSYSTEM", "SEMVER")
        )
    except InvalidVersion:
        return False


def _is_in_range(ours: Version, events: Sequence[dict[str, str]]) -> bool:
    is_in = False
    for event in sorted(events, key=lambda item: _order(next(iter(item.values())))):
        kind, value = next(iter(event.items()))
        at = _order(value)
        if kind == "introduced" and ours >= at:
            is_in = True
        elif (kind == "fixed" and ours >= at) or (kind == "last_affected" and ours > at):
            is_in = False
    return is_in


def _order(value: str) -> Version:
    return Version("0.dev0" if value == "0" else value)


def _list_fixed(affected: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    events = [
        event for package in affected for range_ in package.get("ranges", ()) for event in range_["events"]
    ]
    return tuple(
        sorted({event["fixed"] for event in events if "fixed" in event and len(event["fixed"]) < 40})
    )


def _read_documents(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    yield archive.read(name)
    else:
        raise AdvisoryError(f"{path}: neither a folder nor a zip of advisories")


def main(words: Sequence[str] | None = None) -> int:
    """Print what was found; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.lock_audit")
    parser.add_argument("advisories", type=Path)
    parser.add_argument("locks", type=Path, nargs="*", default=sorted(LOCKS.glob("*.lock")))
    arguments = parser.parse_args(words)
    try:
        advisories = read_advisories(arguments.advisories)
    except (AdvisoryError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    newest = max(str(finding.get("modified", "")) for many in advisories.values() for finding in many)
    findings = []
    for lock in arguments.locks:
        pinned = read_lock(lock)
        findings += find(pinned, advisories, lock.name)
        print(f"{lock.name}: {len(pinned)} packages")
    for finding in findings:
        fixed = (
            f"fixed in {', '.join(finding.fixed)}" if finding.fixed else "no version is named that mends it"
        )
        print(
            f"{finding.lock}: {finding.package} {finding.version}: "
            f"{' = '.join((finding.advisory, *finding.aliases))}: {fixed}"
        )
    print(f"{len(findings)} found; the newest advisory is of {newest or 'no known day'}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
