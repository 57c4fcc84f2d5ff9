"""The table of outcomes by header, from a wheel with two small tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from benchmarks import eligibility_headers
from benchmarks.eligibility_headers import COLLECTIONS, estimate, judge_rows
from domain.errors import PermanentError

PADCHEST_ROW = {
    "Modality_DICOM": "DX",
    "ViewPosition_DICOM": "",
    "StudyDate_DICOM": "20140915",
    "PatientBirth": "1950.0",
    "Projection": "PA",
}
OPENI_ROW = {
    "Body Part Examined": "CHEST",
    "View Position": "PA",
    "Modality": "CR",
    "SOP Class UID": "1.2.840.10008.5.1.4.1.1.1",
    "Study Date": "20140915",
    "Patient's Birth Date": "19500701",
    "Code Meaning": "nan",
    "Postprocessing Function": "nan",
    "Patient Orientation": "",
}
GUARD = {"kept": 0.98, "near_certain": 0.95, "refused": 0.01}


def pack(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode("utf-8"))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "torchxrayvision-1.whl"
    tables = {
        "PadChest": [
            PADCHEST_ROW,
            PADCHEST_ROW | {"ViewPosition_DICOM": "LATERAL", "Projection": "L"},
            PADCHEST_ROW | {"PatientBirth": "2008.0"},
            PADCHEST_ROW | {"PatientBirth": "nan"},
        ],
        "OpenI": [OPENI_ROW, OPENI_ROW | {"View Position": "", "Patient Orientation": "['A', 'F']"}],
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, (member, _) in COLLECTIONS.items():
            archive.writestr(member, pack(tables[name]))
    return path


def test_each_header_has_the_outcome_that_its_rules_give(wheel: Path) -> None:
    padchest = judge_rows(wheel, "PadChest")
    assert padchest["frontal", "neither body part nor view"] == 1
    assert padchest["frontal", "neither body part nor view, age unknown"] == 1
    assert sum(number for (_, outcome), number in padchest.items() if "under_age" in outcome) == 1
    assert [outcome for (truth, outcome) in padchest if truth == "lateral"] == [
        "refused: not_frontal (rule view)"
    ]
    openi = judge_rows(wheel, "OpenI")
    assert openi["frontal", "body part and view stated"] == 1
    assert openi.total() == 2
    assert all("refused: not_frontal" in outcome for (truth, outcome) in openi if truth == "not known")


def test_the_share_that_ends_undetermined_is_that_of_headers_and_guard_together(wheel: Path) -> None:
    shares = estimate(judge_rows(wheel, "PadChest"), GUARD)
    # Two adults: without a view, near-certainty is asked; without an age, all that is not refused is a doubt.
    assert shares["films"] == 2
    assert shares["undetermined"] == pytest.approx(((1 - 0.95 - 0.01) + (1 - 0.01)) / 2)
    assert shares["refused"] == pytest.approx(0.01)


def test_the_command_prints_both_tables_and_one_json_object(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "guard.json"
    figures.write_text("a table\n" + json.dumps({"all": GUARD}), "utf-8")
    monkeypatch.setattr("sys.argv", ["eligibility_headers", str(wheel), "--guard", str(figures)])
    eligibility_headers.main()
    printed = capsys.readouterr().out
    assert "PadChest: 4 films" in printed
    assert "OpenI: 2 films" in printed
    found = json.loads(printed.splitlines()[-1])
    assert found["OpenI, adult frontal"]["films"] == 1


def test_another_file_is_named_with_the_command_that_fetches_the_right_one(tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    other.write_bytes(b"no archive")
    with pytest.raises(PermanentError, match="pip download --no-deps torchxrayvision"):
        judge_rows(other, "PadChest")
