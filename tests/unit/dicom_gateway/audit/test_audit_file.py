"""The file of audit records: whole lines, few readers, old ones put aside."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dicom_gateway.audit.audit_file import AuditFile


def test_a_full_file_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    file = AuditFile(folder / "gateway.log", 30, 2)
    for number in range(10):
        file.write(b"record %02d with text" % number)
    kept = {path.name: path.read_bytes().split() for path in folder.iterdir() if path.suffix != ".lock"}
    assert {name: [int(line) for line in lines[1::4]] for name, lines in kept.items()} == {
        "gateway.log.1": [8, 9],
        "gateway.log.2": [6, 7],
    }


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    AuditFile(tmp_path / "audit" / "gateway.log", 1000, 2).write(b"record")
    assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "audit").iterdir()} == {0o600}


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    files = [AuditFile(tmp_path / "courier.log", 2000, 100) for _ in range(4)]

    def write(writer: int) -> None:
        for number in range(50):
            files[writer].write(b"%d-%d %s" % (writer, number, b"x" * 50))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    lines = [line for path in tmp_path.glob("courier.log*") for line in path.read_bytes().splitlines()]
    assert len(lines) == len(set(lines)) == 200
    assert {len(line.split()[1]) for line in lines} == {50}
