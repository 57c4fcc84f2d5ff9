"""The audit of pinned packages finds what an advisory says of them, offline."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests import lock_audit

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
