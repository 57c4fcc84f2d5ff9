"""The index: which files are films, with which label, from which source; and what is wrong with others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from domain.array.normalization import FilmArray
from domain.errors import PermanentError
from tests import checkout
from tests.films import real_film, small_film
from tests.unit.training.films_on_disk import draw_picture
from training.films.film_index import FilmIndex, LabelsFrom, ProblemKind, index_films
from training.films.film_store import read_film
from training.films.labelled_film import Box, Label

SHARED = checkout.SHARED_DATA


def show(index: FilmIndex) -> dict[str, tuple[Label, str]]:
    """Return label and source by file name."""
    return {film.path.name: (film.label, film.source) for film in index.films}


def show_problems(index: FilmIndex) -> dict[str, tuple[ProblemKind, str]]:
    """Return kind and reason by file name."""
    return {problem.path.name: (problem.kind, problem.reason) for problem in index.problems}


def write_labels(path: Path, *lines: str) -> Path:
    path.write_text("file,label,source,patient,age\n" + "\n".join(lines), "utf-8")
    return path


def test_folders_name_labels_and_sources(tmp_path: Path) -> None:
    root = tmp_path / "pool"
    draw_picture(root / "north" / "TB" / "1.png", 1)
    draw_picture(root / "north" / "normal" / "2.JPG", 2)
    draw_picture(root / "tuberculosis" / "ward3" / "3.png", 3)
    draw_picture(root / "healthy" / "4.jpeg", 4)
    draw_picture(root / "elsewhere" / "5.png", 5)
    draw_picture(root / "normal" / "tb" / "6.png", 6)
    draw_picture(root / "normal" / ".hidden" / "7.png", 7)
    (root / "normal" / "readme.txt").write_text("no film")

    index = index_films([root], tmp_path / "cache")

    assert index.labels_from is LabelsFrom.FOLDERS
    assert show(index) == {
        "1.png": (Label.TB, "north"),
        "2.JPG": (Label.NORMAL, "north"),
        "3.png": (Label.TB, "ward3"),
        "4.jpeg": (Label.NORMAL, "pool"),
    }
    problems = show_problems(index)
    assert problems.keys() == {"5.png", "6.png"}
    assert problems["5.png"][0] is ProblemKind.UNLABELLED
    assert problems["6.png"] == (ProblemKind.UNLABELLED, "its folders say both normal and tb")
    assert index.count_problems() == {ProblemKind.UNLABELLED: 2}


def test_a_source_whose_folder_s_name_is_no_utf_8_can_be_written(tmp_path: Path) -> None:
    draw_picture(tmp_path / os.fsdecode(b"H\xf4pital") / "tb" / "1.png", 1)
    (film,) = index_films([tmp_path], tmp_path / "cache").films
    assert film.source == "H\\xf4pital"


def test_folders_that_are_labels_may_be_given_one_by_one(tmp_path: Path) -> None:
    for number, folder in enumerate(("tb", "normal")):
        draw_picture(tmp_path / "pool" / folder / f"{folder}.png", number)
    index = index_films([tmp_path / "pool" / "tb", tmp_path / "pool" / "normal"], tmp_path / "cache")
    assert show(index) == {"tb.png": (Label.TB, "pool"), "normal.png": (Label.NORMAL, "pool")}
    by_glob = index_films([str(tmp_path / "pool" / "*" / "*.png")], tmp_path / "cache")
    assert show(by_glob) == show(index)


def test_the_tutorial_s_file_names_are_labels(tmp_path: Path) -> None:
    draw_picture(tmp_path / "films" / "CHNCXR_0001_0.png", 1)
    draw_picture(tmp_path / "films" / "CHNCXR_0330_1.png", 2)
    draw_picture(tmp_path / "films" / "scan.png", 3)
    index = index_films([tmp_path / "films"], tmp_path / "cache")
    assert index.labels_from is LabelsFrom.NAMES
    assert show(index) == {
        "CHNCXR_0001_0.png": (Label.NORMAL, "films"),
        "CHNCXR_0330_1.png": (Label.TB, "films"),
    }
    assert show_problems(index)["scan.png"][0] is ProblemKind.UNLABELLED


def test_the_choice_of_labels_can_be_made_by_hand(tmp_path: Path) -> None:
    draw_picture(tmp_path / "films" / "tb" / "CHNCXR_0001_0.png", 1)
    images, cache = [tmp_path / "films"], tmp_path / "cache"
    (automatic,) = index_films(images, cache).films
    (by_name,) = index_films(images, cache, labels_from=LabelsFrom.NAMES).films
    labels = write_labels(tmp_path / "labels.csv", "films/tb/CHNCXR_0001_0.png,other,south,p,60")
    (by_csv,) = index_films(images, cache, labels=labels).films
    (by_folder,) = index_films(images, cache, labels=labels, labels_from=LabelsFrom.FOLDERS).films
    assert [film.label for film in (automatic, by_name, by_csv, by_folder)] == [
        Label.TB,
        Label.NORMAL,
        Label.OTHER,
        Label.TB,
    ]
    assert (by_csv.source, by_csv.patient, by_csv.age) == ("south", "p", 60)
    with pytest.raises(PermanentError, match="none is given"):
        index_films(images, cache, labels_from=LabelsFrom.CSV)


def test_a_csv_s_files_are_found_from_roots_from_its_folder_and_from_above(tmp_path: Path) -> None:
    films = tmp_path / "data" / "films"
    for number, name in enumerate(("a/1.png", "a/2.png", "b/3.png")):
        draw_picture(films / name, number)
    lines = ("a/1.png,tb", "a/2.png,normal", "b/3.png,normal", "b/absent.png,tb")
    from_roots = write_labels(tmp_path / "labels.csv", *lines)
    in_folder = write_labels(tmp_path / "data" / "labels.csv", *(f"films/{line}" for line in lines))
    absolute = write_labels(tmp_path / "absolute.csv", *(f"{films}/{line}" for line in lines))
    for labels in (from_roots, in_folder, absolute):
        index = index_films([films], tmp_path / "cache", labels=labels)
        assert show(index) == {
            "1.png": (Label.TB, "a"),
            "2.png": (Label.NORMAL, "a"),
            "3.png": (Label.NORMAL, "b"),
        }
        assert show_problems(index) == {
            "absent.png": (ProblemKind.MISSING, "line 5 lists it, but it is not in the given folders")
        }
    one_source = index_films([films / "a"], tmp_path / "cache", labels=from_roots)
    assert sorted(show(one_source)) == ["1.png", "2.png"]
    assert show_problems(one_source).keys() == {"absent.png"}


def test_files_outside_the_csv_and_listed_twice_are_problems(tmp_path: Path) -> None:
    for number in range(3):
        draw_picture(tmp_path / "films" / f"{number}.png", number)
    labels = write_labels(tmp_path / "films" / "l.csv", "0.png,tb", "./0.png,1", "1.png,tb", "1.png,normal")
    index = index_films([tmp_path / "films"], tmp_path / "cache", labels=labels)
    assert show(index).keys() == {"0.png"}
    assert show_problems(index) == {
        "1.png": (ProblemKind.CONFLICTING, "tb in line 4, normal in line 5"),
        "2.png": (ProblemKind.UNLISTED, "the CSV does not list it"),
    }


def test_of_films_with_the_same_pixels_one_is_kept_or_none(tmp_path: Path) -> None:
    films = tmp_path / "films"
    draw_picture(films / "same-1.png", 1)
    shutil.copy(films / "same-1.png", films / "same-2.png")
    draw_picture(films / "differ-1.png", 2)
    shutil.copy(films / "differ-1.png", films / "differ-2.png")
    draw_picture(films / "alone.png", 3)
    labels = write_labels(
        films / "labels.csv",
        "same-1.png,tb",
        "same-2.png,tb,,p1",
        "differ-1.png,normal",
        "differ-2.png,other",
        "alone.png,tb",
    )
    index = index_films([films], tmp_path / "cache", labels=labels)
    assert [film.path.name for film in index.films] == ["alone.png", "same-2.png"]
    problems = show_problems(index)
    assert problems["same-1.png"] == (ProblemKind.DUPLICATE, f"the same pixels as {films / 'same-2.png'}")
    assert problems["differ-1.png"][0] is problems["differ-2.png"][0] is ProblemKind.CONFLICTING
    assert f"labelled other: {films / 'differ-2.png'}" in problems["differ-1.png"][1]
    assert index.count_problems() == {ProblemKind.DUPLICATE: 1, ProblemKind.CONFLICTING: 2}
    assert np.array_equal(index.store.read([0, 1])[1], read_film(films / "same-2.png"))
    assert tuple(film.digest for film in index.films) == index.store.digests


def test_unreadable_and_absent_files_are_problems(tmp_path: Path) -> None:
    good = draw_picture(tmp_path / "tb" / "good.png", 1)
    (tmp_path / "tb" / "cut.png").write_bytes(good.read_bytes()[:30_000])
    (tmp_path / "tb" / "empty.png").write_bytes(b"")
    told: list[tuple[int, int]] = []
    index = index_films(
        [tmp_path, tmp_path / "absent", str(tmp_path / "*.jpg")],
        tmp_path / "cache",
        progress=lambda *step: told.append(step),
    )
    assert show(index).keys() == {"good.png"}
    problems = show_problems(index)
    assert problems["cut.png"][0] is problems["empty.png"][0] is ProblemKind.UNREADABLE
    assert problems["absent"][0] is problems["*.jpg"][0] is ProblemKind.MISSING
    assert told[-1] == (3, 3)


def test_dicom_files_are_read_by_the_given_reader(tmp_path: Path) -> None:
    small_film(tmp_path, 1).rename(tmp_path / "tb-film.dcm")
    (tmp_path / "normal").mkdir()
    small_film(tmp_path, 2).rename(tmp_path / "normal" / "IM0001")

    def read(path: Path) -> FilmArray:
        stored: FilmArray = dcmread(path).pixel_array[::2, ::2].astype(np.float32)
        return stored / stored.max()

    labels = write_labels(tmp_path / "labels.csv", "tb-film.dcm,tb", "normal/IM0001,normal")
    index = index_films([tmp_path], tmp_path / "cache", labels, read=read, reader_name="gateway")
    assert show(index).keys() == {"tb-film.dcm", "IM0001"}
    without = index_films([tmp_path], tmp_path / "cache", labels)
    assert without.films == ()
    assert show_problems(without)["IM0001"] == (ProblemKind.UNREADABLE, "it is neither PNG nor JPEG")


def test_nothing_to_index_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("")
    with pytest.raises(PermanentError, match=f"no PNG, JPEG or DICOM file in {tmp_path}"):
        index_films([tmp_path], tmp_path / "cache")
    with pytest.raises(PermanentError, match="in nothing"):
        index_films([], tmp_path / "cache")


def test_real_films_are_indexed_with_what_is_known_of_them(tmp_path: Path) -> None:
    if not (SHARED / "films.csv").is_file():
        pytest.skip("no file films.csv: the folder shared/data is not beside the repository")
    index = index_films(
        [SHARED / "films" / "india_b", str(SHARED / "films" / "tbx11k" / "tb000*.png")],
        tmp_path,
        labels=SHARED / "films.csv",
    )
    labels = [(film.source, film.label) for film in index.films]
    assert labels.count(("india_b", Label.TB)) == 22
    assert labels.count(("india_b", Label.NORMAL)) == 46
    third = next(film for film in index.films if film.path.name == "tb0003.png")
    assert third.boxes == (Box(130, 22, 181, 92), Box(56, 36, 106, 92))
    assert index.problems == ()
    by_name = index_films([SHARED / "films" / "shenzhen"], tmp_path)
    names = [film.label for film in by_name.films]
    assert (names.count(Label.TB), names.count(Label.NORMAL)) == (85, 105)
    assert {film.source for film in by_name.films} == {"shenzhen"}
    assert by_name.labels_from is LabelsFrom.NAMES


def test_a_film_of_the_package_is_one_file(tmp_path: Path) -> None:
    film = shutil.copy(real_film(), tmp_path / "CHN_1_1.dcm")
    index = index_films([film], tmp_path / "cache")
    assert show_problems(index) == {"CHN_1_1.dcm": (ProblemKind.UNREADABLE, "it is neither PNG nor JPEG")}
