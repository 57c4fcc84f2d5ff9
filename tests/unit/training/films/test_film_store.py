"""Arrays of films on disk: exact, streamed, kept for the next run, never half there."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domain.array.normalization import FilmArray
from domain.errors import TransientError
from tests.unit.training.films_on_disk import draw_picture
from training.films.film_store import FILM_BYTES, fill_store, read_film


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    return [draw_picture(tmp_path / "films" / f"{number}.png", number) for number in range(5)]


def refuse(path: Path) -> FilmArray:
    raise AssertionError(f"{path} was read again")


def test_eight_bit_films_come_back_as_they_were(pictures: list[Path], tmp_path: Path) -> None:
    store = fill_store(pictures, tmp_path / "cache").store
    films = store.read([3, 0, 3])
    assert films.dtype == np.float32
    assert films.shape == (3, 256, 256)
    for film, path in zip(films, [pictures[3], pictures[0], pictures[3]], strict=True):
        assert np.abs(film - np.asarray(Image.open(path), np.float32) / 255).max() < 1e-5
    assert store.read([]).shape == (0, 256, 256)
    assert len(store) == 5


def test_the_digest_is_that_of_the_stored_bytes(pictures: list[Path], tmp_path: Path) -> None:
    store = fill_store(pictures, tmp_path / "cache").store
    content = (np.asarray(Image.open(pictures[2])).astype("<u2") * 257).tobytes()
    assert store.digests[2] == hashlib.sha256(content).hexdigest()[:32]
    assert store.path.stat().st_size == 5 * FILM_BYTES


def test_a_second_run_reads_no_film(pictures: list[Path], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    first = fill_store(pictures, tmp_path / "cache", progress=lambda *step: told.append(step))
    second = fill_store(pictures[::-1], tmp_path / "cache", refuse)
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert second == first
    assert second.store.key == first.store.key


def test_a_changed_film_or_another_reader_is_read(pictures: list[Path], tmp_path: Path) -> None:
    first = fill_store(pictures, tmp_path / "cache")
    draw_picture(pictures[1], 77)
    second = fill_store(pictures, tmp_path / "cache")
    assert [a == b for a, b in zip(first.store.digests, second.store.digests, strict=True)] == [
        True,
        False,
        True,
        True,
        True,
    ]
    with pytest.raises(AssertionError, match="read again"):
        fill_store(pictures, tmp_path / "cache", refuse, reader_name="another")


def test_a_run_that_breaks_off_leaves_no_store(pictures: list[Path], tmp_path: Path) -> None:
    def break_off(path: Path) -> FilmArray:
        if path == pictures[3]:
            raise KeyboardInterrupt
        return read_film(path)

    with pytest.raises(KeyboardInterrupt):
        fill_store(pictures, tmp_path / "cache", break_off)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "gone", "index"])
def test_a_store_that_is_not_whole_is_written_anew(damage: str, pictures: list[Path], tmp_path: Path) -> None:
    first = fill_store(pictures, tmp_path / "cache")
    index = first.store.path.with_suffix(".json")
    if damage == "cut":
        os.truncate(first.store.path, FILM_BYTES * 4)
        with pytest.raises(TransientError, match="truncated"):
            first.store.read([4])
    elif damage == "gone":
        first.store.path.unlink()
        with pytest.raises(TransientError, match="No such file"):
            first.store.read([0])
    else:
        index.write_text(json.dumps({"format": 1, "files": [{}]}))
    assert fill_store(pictures, tmp_path / "cache") == first
    assert np.array_equal(first.store.read([4])[0], read_film(pictures[4]).astype(np.float32))


def test_what_cannot_be_read_is_said_and_the_rest_is_stored(pictures: list[Path], tmp_path: Path) -> None:
    broken, text, absent = tmp_path / "broken.png", tmp_path / "notes.txt", tmp_path / "absent.png"
    broken.write_bytes(pictures[0].read_bytes()[:20_000])
    text.write_text("no film")
    for _ in range(2):
        filled = fill_store([*pictures, broken, text, absent], tmp_path / "cache")
        assert filled.positions.keys() == set(pictures)
        assert filled.errors.keys() == {broken, text, absent}
        assert filled.errors[text] == "it is neither PNG nor JPEG"
        assert filled.errors[absent] == "No such file or directory"
        assert np.array_equal(filled.store.read([filled.positions[pictures[4]]])[0], read_film(pictures[4]))


def test_a_film_that_could_not_be_read_once_is_read_when_it_can_be(
    pictures: list[Path], tmp_path: Path
) -> None:
    def fail(path: Path) -> FilmArray:
        if path == pictures[1]:
            raise OSError(errno.EIO, "Input/output error")
        return read_film(path)

    assert fill_store(pictures, tmp_path / "cache", fail).errors == {pictures[1]: "Input/output error"}
    again = fill_store(pictures, tmp_path / "cache")
    assert (again.errors, again.positions.keys()) == ({}, set(pictures))
    assert fill_store(pictures, tmp_path / "cache", refuse) == again


def test_an_array_of_another_kind_is_refused(pictures: list[Path], tmp_path: Path) -> None:
    def too_bright(path: Path) -> FilmArray:
        return read_film(path) * np.float32(2)

    def not_a_number(path: Path) -> FilmArray:
        return read_film(path) * np.float32(np.nan)

    for number, reader in enumerate((too_bright, not_a_number, lambda path: read_film(path)[:100])):
        filled = fill_store(pictures[:1], tmp_path / "cache", reader, reader_name=str(number))
        assert "its array is not (256, 256)" in filled.errors[pictures[0]]


def test_a_selection_keeps_films_and_digests_together(pictures: list[Path], tmp_path: Path) -> None:
    store = fill_store(pictures, tmp_path / "cache").store
    some = store.select([4, 1])
    assert len(some) == 2
    assert np.array_equal(some.read([0, 1]), store.read([4, 1]))
    assert some.digests == (store.digests[4], store.digests[1])
    assert some.key != store.key != store.select([1, 0, 2, 3, 4]).key
    with pytest.raises(IndexError):
        some.read([2])


def test_threads_read_at_the_same_time(pictures: list[Path], tmp_path: Path) -> None:
    store = fill_store(pictures, tmp_path / "cache").store
    expected = store.read(range(5))
    wrong: list[int] = []

    def read_often(number: int) -> None:
        if not all(np.array_equal(store.read([number])[0], expected[number]) for _ in range(50)):
            wrong.append(number)

    threads = [threading.Thread(target=read_often, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_cache_that_cannot_be_written_says_how_much_space_is_needed(
    pictures: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TransientError, match="5 films take 1 MiB"):
        fill_store(pictures, tmp_path / "file")


MANY = """
import resource, sys
from pathlib import Path
import numpy as np
from training.films.film_store import fill_store

ramp = np.linspace(0, 1, 65536, dtype=np.float32).reshape(256, 256)
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = memory()
store = fill_store([Path(f"/absent/{n}") for n in range(1500)], Path(sys.argv[1]), lambda path: ramp).store
for first in range(0, 1500, 50):
    store.read(range(first, first + 50))
print(store.path.stat().st_size / 2**20, memory() - before)
"""


def test_a_store_of_many_films_is_never_all_in_memory(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MANY, str(tmp_path / "cache")], capture_output=True, text=True, check=True
    )
    on_disk, in_memory = map(float, run.stdout.split())
    assert on_disk == 187.5
    assert in_memory < 90
