"""Read films leave without anything that identifies, and a training run takes them."""

from __future__ import annotations

import csv
import errno
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from db.bacteriology import results
from db.bacteriology.results import NewResult
from db.database import Database
from db.films import films
from db.tables import Instance, Study
from db.worklist import reads
from db.worklist.studies import StudyHeader
from dicom_gateway.deidentification.pseudonyms import Pseudonyms
from dicom_gateway.pixels.radiograph import read_display
from dicom_gateway.pixels.rendition import Rendition
from domain.array.normalization import SPEC, normalize
from domain.array.picture import read_picture
from domain.bacteriology import Method, Outcome
from domain.codes import Verdict
from domain.errors import PermanentError
from tbscreen.key_file import load_key
from tests.films import real_film
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line
from training.films.film_index import index_films

SECRETS = (
    "Secret^Name",
    "PID-77",
    "19501224",
    "ACC-5",
    "NORTHCLINIC",
    "ROOM-1",
    "1.2.840.99",
    "MODALITY",
    "20260305",
)


def make_display(seed: int, shape: tuple[int, int] = (1300, 1100)) -> np.ndarray:
    """Return a film of smooth and sharp structures, float32 in 0..1."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.random((12, 10)).astype(np.float32))
    display = np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC))
    return np.clip(display, 0, 1).astype(np.float32)


@dataclass(frozen=True)
class One:
    """One film to be read."""

    uid: str
    verdict: Verdict | None
    patient: str | None = "PID-77"
    study: str | None = None
    burned_in: str | None = None
    age: int = 95
    institution: str = "NORTHCLINIC"
    view: str = "PA"
    sex: str = "F"
    display: np.ndarray | None = None


def put(database: Database, case: One, seed: int) -> None:
    """Receive, screen and read a film as a gateway, a worker and a radiologist do."""
    uid = f"1.2.840.99.{case.uid}"
    study = StudyHeader(
        case.study or f"{uid}.1",
        accession_number="ACC-5",
        patient_id=case.patient,
        patient_name="Secret^Name",
        patient_birth_date="19501224",
        patient_sex=case.sex,
        study_date="20260305",
    )
    header = {} if case.burned_in is None else {"00280301": {"vr": "CS", "Value": [case.burned_in]}}
    received = rows.receive(
        database,
        uid,
        study=study,
        header=header,
        age_years=case.age,
        station_name="ROOM-1",
        institution_name=case.institution,
        view_position=case.view,
    )
    display = make_display(seed) if case.display is None else case.display
    rendition = Rendition((display.shape[0], display.shape[1]))
    rendition.add(display)
    with database.write() as session:
        films.record_preparation(session, received.instance_id, rendition.encode(), ())
        assert films.pin_bundle(session, received.instance_id, SPEC.version) is not None
        assert films.mark_queued(session, received.instance_id, timedelta(minutes=1))
    rows.screen(database, received.instance_id)
    if case.verdict is not None:
        with database.write() as session:
            reads.record(session, study.study_instance_uid, case.verdict, "dr", "Secret^Name has a scar")


@pytest.fixture
def exported(quick_cli: Cli, installed: Database, place: Path) -> Path:
    """Six films of four patients, five of them read, one with burned-in text, exported."""
    rows.register_model(installed)
    for seed, verdict in enumerate(
        (
            One("1", Verdict.TB),
            One("2", Verdict.TB),
            One("3", Verdict.NOT_TB, patient="PID-78", burned_in="NO", age=40),
            One("4", Verdict.UNSURE, patient="PID-79"),
            One("5", None, patient="PID-80"),
            One("6", Verdict.TB, patient="PID-81", burned_in="YES"),
        )
    ):
        put(installed, verdict, seed)
    run = quick_cli("export-labels", "OUT")
    assert run.returncode == 0, run.stderr
    assert "3 films of 2 patients: 1 negative, 2 tb" in run.stdout
    assert "1 films of unsure verdicts left out" in run.stdout
    assert "1 films with burned-in annotation left out" in run.stdout
    assert "2 films do not say" in run.stdout
    next_command = "next: tbscreen retrain OUT/films --labels OUT/labels.csv --from shipped"
    assert run.stdout.splitlines()[-1] == next_command
    return place / "OUT"


def test_a_training_run_takes_what_was_exported(exported: Path, tmp_path: Path) -> None:
    index = index_films([exported / "films"], tmp_path / "cache", exported / "labels.csv")
    assert index.problems == ()
    assert sorted((film.label, film.view, film.sex, film.age) for film in index.films) == [
        ("normal", "PA", "F", 40),
        ("tb", "PA", "F", 90),
        ("tb", "PA", "F", 90),
    ]
    patients = {film.label: set() for film in index.films}  # type: ignore[var-annotated]
    for film in index.films:
        patients[film.label].add(film.patient)
    assert [len(some) for some in patients.values()] == [1, 1]
    assert len({film.source for film in index.films}) == 1


def test_nothing_that_was_written_identifies_anybody(exported: Path, place: Path) -> None:
    written = [path for path in exported.rglob("*") if path.is_file()]
    assert len(written) == 5
    for path in written:
        content = path.read_bytes() + str(path.relative_to(place)).encode()
        for secret in SECRETS:
            assert secret.encode() not in content, (path, secret)
    for path in (exported / "films").iterdir():
        with Image.open(path) as image:
            assert (image.mode, image.info) == ("L", {})
            assert image.getexif() == {}
    assert (place / "data" / "label-export.key").stat().st_mode & 0o777 == 0o600


HOSTILE = ("=HYPERLINK(0)", "../../outside", "<script>", 'a,b"c\nd', "#image(0)", "\x1b[31m", "＝1+1")


def test_hostile_text_of_headers_is_in_no_exported_file_or_name(
    quick_cli: Cli, installed: Database, place: Path
) -> None:
    rows.register_model(installed)
    for number, text in enumerate(HOSTILE):
        case = One(f"{number}", Verdict.TB, patient=text, institution=text, view=text[:16], sex=text[:16])
        put(installed, case, number)
    run = quick_cli("export-labels", "OUT")
    assert run.returncode == 0, run.stderr
    with (place / "OUT" / "labels.csv").open(newline="") as file:
        _, *lines = list(csv.reader(file))
    assert len(lines) == len(HOSTILE)
    allowed = re.compile(r"films/[0-9a-z]+\.png|[0-9a-z-]*")
    assert {cell for line in lines for cell in line if not allowed.fullmatch(cell)} == set()
    assert {path.parent for path in (place / "OUT").rglob("*.png")} == {place / "OUT" / "films"}
    for path in (place / "OUT").rglob("*"):
        if path.is_file():
            content = path.read_bytes() + path.name.encode()
            assert not [text for text in HOSTILE if text.encode() in content], path


def test_labels_by_bacteriology_say_so(quick_cli: Cli, installed: Database, place: Path) -> None:
    rows.register_model(installed)
    put(installed, One("1", Verdict.TB, patient="P1"), 1)
    put(installed, One("2", None, patient="P2"), 2)
    put(installed, One("3", Verdict.NOT_TB, patient="P3"), 3)
    tests = [
        NewResult(Method.CULTURE, Outcome.NEGATIVE, "20260306", patient_id="P1"),
        NewResult(Method.ULTRA, Outcome.POSITIVE, "20260306", patient_id="P2"),
    ]
    with installed.write() as session:
        session.execute(update(Study).values(accession_number=None, accession_key=None))
        results.record(session, tests, "lab@host")
    for truth, expected in {
        "reads": ["negative read", "tb read"],
        "bacteriology": ["negative bacteriology", "tb bacteriology"],
        "both": ["negative bacteriology", "negative read", "tb bacteriology"],
    }.items():
        assert quick_cli("export-labels", truth, "--truth", truth).returncode == 0
        with (place / truth / "labels.csv").open(newline="") as file:
            labels = sorted(f"{row['label']} {row['truth']}" for row in csv.DictReader(file))
        assert labels == expected
        assert "bacteriology" in (place / truth / "about.txt").read_text("utf-8") or truth == "reads"


def test_the_same_key_names_the_same_patient_alike_and_another_key_does_not(
    exported: Path, quick_cli: Cli, place: Path
) -> None:
    for name, words in (("AGAIN", ()), ("OTHER", ("--key", "other.key"))):
        assert quick_cli("export-labels", name, *words).returncode == 0

    def read(folder: str) -> set[str]:
        with (place / folder / "labels.csv").open() as file:
            return {line["patient"] for line in csv.DictReader(file)}

    assert read("OUT") == read("AGAIN")
    assert read("OUT") & read("OTHER") == set()


def test_one_patient_has_one_name_however_a_modality_wrote_the_number(
    quick_cli: Cli, installed: Database, place: Path
) -> None:
    """Else one person would be in training and test."""
    rows.register_model(installed)
    for number, patient in enumerate(("AB-77", "ab-77", " AB -77^^^HOSPITAL")):
        put(installed, One(f"{number}", Verdict.TB, patient=patient), number)
    assert "3 films of 1 patients" in quick_cli("export-labels", "OUT").stdout
    names = Pseudonyms(load_key(place / "data" / "label-export.key"))
    with (place / "OUT" / "labels.csv").open() as file:
        assert {line["patient"] for line in csv.DictReader(file)} == {names.name("patient", "id", "AB-77")}


def test_what_the_model_saw_comes_back_from_the_rendition_nearly(exported: Path, place: Path) -> None:
    names = Pseudonyms(load_key(place / "data" / "label-export.key"))
    for uid, seed in (("1", 0), ("2", 1), ("3", 2)):
        again = normalize(read_picture(exported / "films" / f"{names.name('film', f'1.2.840.99.{uid}')}.png"))
        difference = np.abs(again - normalize(make_display(seed))) * 255
        assert difference.mean() < 1.0
        assert difference.max() < 10.0


def test_full_size_gives_back_the_very_array(quick_cli: Cli, installed: Database, place: Path) -> None:
    rows.register_model(installed)
    display = read_display(real_film())
    put(installed, One("1", Verdict.TB, burned_in="NO", display=display), 0)
    spool = place / "data" / "spool"
    spool.mkdir()
    (spool / "film.dcm").write_bytes(real_film().read_bytes())
    with installed.write() as session:
        session.query(Instance).update({"spool_path": "film.dcm"})
    assert "1 in full size" in quick_cli("export-labels", "OUT", "--full-size").stdout
    (path,) = (place / "OUT" / "films").iterdir()
    assert np.abs(normalize(read_picture(path)) - normalize(display)).max() <= 0.51 / 255


def test_what_cannot_be_exported_is_one_line(quick_cli: Cli, installed: Database, place: Path) -> None:
    assert_one_line(quick_cli("export-labels", "OUT"), "nothing is exported")
    assert list(place.glob("*OUT*")) == []
    (place / "full").mkdir()
    (place / "full" / "film.png").touch()
    assert_one_line(quick_cli("export-labels", "full"), "is not an empty folder")
    (place / "short.key").touch(mode=0o600)
    assert_one_line(quick_cli("export-labels", "OUT", "--key", "short.key"), "has 0 characters")


def test_a_key_that_a_full_disk_does_not_take_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty file in its place would be refused from then on, also when there is room again."""
    with monkeypatch.context() as full:
        full.setattr(secrets, "token_hex", fail)
        with pytest.raises(OSError, match="No space"):
            load_key(tmp_path / "key")
    assert list(tmp_path.glob("*key*")) == []
    key = load_key(tmp_path / "key")
    assert load_key(tmp_path / "key") == key
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def fail(_bytes: int) -> str:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_key_that_others_can_read_is_none(tmp_path: Path) -> None:
    load_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(PermanentError, match="chmod 600"):
        load_key(tmp_path / "key")
