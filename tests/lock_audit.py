"""Compares the pinned packages with a security advisory database that lies on this disk; asks nobody.

    python -m tests.lock_audit ADVISORIES [requirements/service.lock …]

ADVISORIES is a zip of advisories in the OSV format (JSON), or a folder of such files and zips, as the OSV
project exports them for an ecosystem: PyPI for the packages (the PyPA Advisory Database is part of it),
OSS-Fuzz and Alpine for the C libraries inside them, which `requirements/bundled.cdx.json` lists. By default
all lock files and that list are compared. Exit status: 0 nothing is known, 1 an advisory fits a version, 2
the data are invalid.
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


BUNDLED: Final = LOCKS / "bundled.cdx.json"
LIBRARY: Final = "library "
"""Prefix of the names of C libraries, which are no Python packages."""
ALPINE_NAMES: Final = {
    "tiff": "libtiff",
    "freetype": "freetype2",
    "lcms2": "lcms",
    "blosc": "c-blosc",
    "openjpeg2": "openjpeg",
}
"""Names of Alpine that differ from those of the list."""
ALPINE_VERSION: Final = re.compile(r"(.+?)-r(\d+)")


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


def read_libraries(path: Path) -> list[tuple[str, str]]:
    """Return names, with their prefix, and versions of a bill of materials; "" for an unknown version."""
    components = json.loads(path.read_text("utf-8"))["components"]
    return [(f"{LIBRARY}{component['name']}", component.get("version", "")) for component in components]


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
    """Return the name of a package of PyPI, in its canonical form, or of a library; nothing for others."""
    package = affected.get("package", {})
    ecosystem = package.get("ecosystem", "").partition(":")[0]
    if ecosystem == "PyPI":
        return canonicalize_name(package["name"])
    if ecosystem in ("OSS-Fuzz", "Alpine"):
        return f"{LIBRARY}{ALPINE_NAMES.get(package['name'], package['name'])}"
    return ""


def _is_affected(version: str, affected: dict[str, Any]) -> bool:
    """As OSV says: the version is listed, or a range goes over it (osv-schema, "Evaluation")."""
    if {version, f"v{version}"} & set(affected.get("versions", ())):
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
    """Return a version to compare. Alpine's "1.2-r3" is its third change of 1.2, which 1.2 itself lacks."""
    changed = ALPINE_VERSION.fullmatch(value)
    if changed:
        value = changed[1] if changed[2] == "0" else f"{changed[1]}.post{changed[2]}"
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
        for archive_file in sorted(path.rglob("*.zip")):
            yield from _read_documents(archive_file)
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
    if arguments.locks == parser.get_default("locks"):
        libraries = read_libraries(BUNDLED)
        findings += find(libraries, advisories, BUNDLED.name)
        unknown = sum(not version for _, version in libraries)
        print(f"{BUNDLED.name}: {len(libraries)} libraries, {unknown} of them of unknown version")
        if not any(name.startswith(LIBRARY) for name in advisories):
            print(
                f"{BUNDLED.name}: no advisory on C libraries is there: add the export of OSS-Fuzz or Alpine"
            )
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
