"""Bytes begin their way to the disk before the file is synced."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dicom_gateway.association.writeback import begin_writeback, begin_writeback_of_last

MEBIBYTE = 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the call is Linux's")
def test_a_file_that_grows_is_begun_and_stays_what_it_is(tmp_path: Path) -> None:
    content = os.urandom(2 * MEBIBYTE)
    file = os.open(tmp_path / "film", os.O_RDWR | os.O_CREAT)
    try:
        os.write(file, content[:MEBIBYTE])
        assert begin_writeback_of_last(file, MEBIBYTE)
        assert os.lseek(file, 0, os.SEEK_CUR) == MEBIBYTE
        os.write(file, content[MEBIBYTE:])
        assert begin_writeback(file, MEBIBYTE, MEBIBYTE)
        assert os.lseek(file, 0, os.SEEK_CUR) == len(content)
    finally:
        os.close(file)
    assert (tmp_path / "film").read_bytes() == content


def test_what_is_no_file_is_left_alone() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"film")
        assert not begin_writeback(writing, 0, 4)
        assert os.read(reading, 10) == b"film"
    finally:
        os.close(reading)
        os.close(writing)
