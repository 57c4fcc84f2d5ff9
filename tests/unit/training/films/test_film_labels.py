"""Labels in a CSV, in folder names and in file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import PermanentError
from training.films.film_labels import label_by_folders, label_by_name, read_label_file
from training.films.labelled_film import Box, Label

WHOLE = """\
view,file,Label,patient,sex,age,source,boxes_256,note
pa,a/1.png,TB,p1,Male,063Y,north,"Active:1,2,3,4;5,6,70,80",x
,a\\2.png,0,,,,,,
AP,3.png,sick,p3,F,63.0,,,
"""


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding)
    return path


def test_every_column_is_read(tmp_path: Path) -> None:
    first, second, third = read_label_file(write(tmp_path, WHOLE))
    assert (first.file, first.line, first.label, first.patient) == ("a/1.png", 2, Label.TB, "p1")
    assert (first.view, first.sex, first.age, first.source) == ("PA", "M", 63, "north")
    assert first.boxes == (Box(1, 2, 3, 4), Box(5, 6, 70, 80))
    assert (second.file, second.label, second.patient) == ("a/2.png", Label.NORMAL, None)
    assert (second.view, second.sex, second.age, second.source, second.boxes) == (None, None, None, None, ())
    assert (third.line, third.label, third.sex, third.age) == (4, Label.OTHER, "F", 63)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_of_all_countries_are_read(delimiter: str, tmp_path: Path) -> None:
    text = "file,label\n1.png,tb\n\n2.png,normal\n".replace(",", delimiter)
    films = read_label_file(write(tmp_path, text, "utf-8-sig"))
    assert [(film.file, film.label, film.line) for film in films] == [
        ("1.png", Label.TB, 2),
        ("2.png", Label.NORMAL, 4),
    ]


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("Tuberculosis", Label.TB),
        ("1", Label.TB),
        ("POSITIVE", Label.TB),
        ("0", Label.NORMAL),
        ("healthy", Label.NORMAL),
        ("Negative", Label.NORMAL),
        ("other", Label.OTHER),
    ],
)
def test_labels_have_many_names(word: str, label: Label, tmp_path: Path) -> None:
    (film,) = read_label_file(write(tmp_path, f"file,label\n1.png, {word} \n"))
    assert film.label is label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: column 'file' is missing; the first line has nothing"),
        ("name,label\n", "line 1: column 'file' is missing; the first line has name, label"),
        ("file,diagnosis\n", "line 1: column 'label' is missing"),
        ("file,label,Label\n", "line 1: two columns are called 'label'"),
        (
            "file,label\n1.png,tb\n2.png,maybe\n",
            "line 3: label 'maybe' is unknown; use one of tb, tuberculosis",
        ),
        ("file,label\n1.png\n", "line 2: label '' is unknown; use one of"),
        ("file,label\n,tb\n", "line 2: the file name is empty"),
        ("file,label\n1.png,tb,x\n", "line 2: 3 values for 2 columns"),
        ("file,label,sex\n1.png,tb,X\n", "line 2: sex 'X' is neither M nor F"),
        ("file,label,age\n1.png,tb,411\n", "line 2: age '411' is not a number of years"),
        ("file,label,age\n1.png,tb,young\n", "line 2: age 'young'"),
        ('file,label,boxes\n1.png,tb,"1,2,3"\n', "line 2: box '1,2,3' is not x0,y0,x1,y1"),
        ('file,label,boxes\n1.png,tb,"a:1,2,3,nan"\n', "is not x0,y0,x1,y1"),
        ('file,label,boxes\n1.png,tb,"9,2,3,4"\n', "does not lie in the 256x256 array"),
        ('file,label,boxes\n1.png,tb,"1,2,3,257"\n', "does not lie in the 256x256 array"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        read_label_file(write(tmp_path, text))
    assert message in str(caught.value)
    assert "labels.csv" in str(caught.value)


def test_files_that_are_no_csv_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="not UTF-8"):
        read_label_file(write(tmp_path, "file,label\nä.png,tb\n", "latin-1"))
    with pytest.raises(PermanentError, match="No such file"):
        read_label_file(tmp_path / "absent.csv")


def test_folders_name_labels() -> None:
    assert label_by_folders(("set", "Tuberculosis", "2019")) is Label.TB
    assert label_by_folders(("NORMAL",)) is Label.NORMAL
    assert label_by_folders(("normalized", "tbx")) is None
    with pytest.raises(ValueError, match="both normal and tb"):
        label_by_folders(("tb", "normal"))


def test_file_names_are_labels_as_in_the_tutorial() -> None:
    assert label_by_name("CHNCXR_0001_0.png") is Label.NORMAL
    assert label_by_name("MCUCXR_0104_1.png") is Label.TB
    assert label_by_name("CHNCXR_0001_1_mask.png") is Label.TB
    assert label_by_name("CHNCXR_0001_2.png") is None
    assert label_by_name("film_1.png") is None


def test_all_invalid_lines_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("file,label,age\n1.png,tb,30\n2.png,maybe,30\n3.png,tb,young\n4.png,tb,30,x\n")
    with pytest.raises(PermanentError) as error:
        read_label_file(path)
    for said in ("line 3: label 'maybe'", "line 4: age 'young'", "line 5: 4 values for 3 columns"):
        assert said in str(error.value)
    assert "line 2" not in str(error.value)


def test_of_many_invalid_lines_twenty_are_named_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("file,label\n" + "1.png,maybe\n" * 25)
    with pytest.raises(PermanentError, match=r" 20, 21: label 'maybe' .*; and 5 more lines"):
        read_label_file(path)
