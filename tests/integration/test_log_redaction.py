"""No line that any process writes, at the most talkative level, holds anything that tells of a patient."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydicom.dataset import Dataset
from pydicom.uid import MultiFrameGrayscaleWordSecondaryCaptureImageStorage, generate_uid
from pynetdicom import AE, build_context

from tests.films import dataset_offset, read, small_film, with_dataset
from tests.integration.conftest import Site, store_raw
from tests.servers.ports import wait_until

NAME, ID, BIRTH_DATE, ACCESSION = "QUAGGAFISH", "PIDXX77344215", "19470213", "ACCQX558127"
TELLING = (NAME[:8], ID, BIRTH_DATE[:6], ACCESSION)


def telling_film(folder: Path, **changes: object) -> Path:
    """A film with all of it where it belongs, and the name where people also write it."""
    known: dict[str, object] = {
        "PatientName": f"{NAME}^JANE",
        "PatientID": ID,
        "PatientBirthDate": BIRTH_DATE,
        "AccessionNumber": ACCESSION,
        "StudyDescription": f"CHEST {NAME} {ID}",
        "BodyPartExamined": "CHEST",
    }
    return small_film(folder, **(known | changes))


ODD: dict[str, dict[str, Any]] = {
    "body part": {"BodyPartExamined": NAME},
    "view position": {"ViewPosition": NAME},
    "modality": {"Modality": NAME},
    "age of a child": {"PatientAge": "004Y"},
    "station": {"StationName": NAME},
}

DAMAGE: dict[str, tuple[dict[str, Any], bytes, bytes]] = {
    "a birth date of no day": ({}, BIRTH_DATE.encode(), b"19470299"),
    "a birth date of letters": ({}, BIRTH_DATE.encode(), b"194702xx"),
    "a name that is no text": ({}, b"^JANE", b"\x1b\x00\xff\xfe\x80"),
    "a name that says it is a number": ({}, b"PN\x10\x00", b"DS\x10\x00"),
    "a name that says it is a whole number": ({}, b"PN\x10\x00", b"IS\x10\x00"),
    "a name that says it is a UID": ({}, b"PN\x10\x00", b"UI\x10\x00"),
    "a name that says it is a sequence": ({}, b"PN\x10\x00", b"SQ\x10\x00"),
    "a name as window centre": ({"WindowCenter": 1234567890}, b"1234567890", NAME.encode()),
    "a name as window width": ({"WindowWidth": 1234567890}, b"1234567890", NAME.encode()),
    "a name as slope": ({"RescaleSlope": 1234567890, "RescaleIntercept": 0}, b"1234567890", NAME.encode()),
    "a name as number of frames": ({"NumberOfFrames": 1234567890}, b"1234567890", NAME.encode()),
    "a name as study date": ({"StudyDate": "20200101"}, b"20200101", NAME[:8].encode()),
    "a name as character set": ({"SpecificCharacterSet": "ISO_IR 100"}, b"ISO_IR 100", NAME.encode()),
    "a name as presentation": ({"PresentationLUTShape": "LINEARXXXX"}, b"LINEARXXXX", NAME.encode()),
}
"""Attributes that pydicom writes, and bytes put in their place behind its back: what exceptions and warnings
love to quote."""


def damage(folder: Path, number: int, changes: dict[str, Any], old: bytes, new: bytes) -> Path:
    film = telling_film(folder, **changes)
    content = film.read_bytes()[dataset_offset(film) :]
    assert old in content, old
    return with_dataset(film, folder / f"damaged{number}.dcm", content.replace(old, new))


def send_everything(site: Site, folder: Path) -> tuple[Dataset, int]:
    """Send films good and bad; returns a good one, and how many were taken."""
    good = telling_film(folder)
    paths = [good, *(telling_film(folder, **changes) for changes in ODD.values())]
    paths += [damage(folder, number, *how) for number, how in enumerate(DAMAGE.values())]
    cut = telling_film(folder)
    content = cut.read_bytes()[dataset_offset(cut) :]
    at = content.index(NAME.encode())
    paths += [with_dataset(cut, folder / f"cut{end}.dcm", content[: at + end]) for end in (3, 40)]
    paths.append(with_dataset(cut, folder / "short.dcm", content[:-5000]))
    frames = read(telling_film(folder))
    frames.NumberOfFrames = 2
    frames.SOPClassUID = frames.file_meta.MediaStorageSOPClassUID = (
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    )
    frames.PixelData = frames.PixelData * 2
    frames.save_as(folder / "frames.dcm")
    paths.append(folder / "frames.dcm")
    statuses = [store_raw(site.port, path) for path in paths]
    assert statuses[0] == 0x0000
    assert any(status not in (0x0000, None) for status in statuses), "something was refused"
    return read(good), sum(status == 0x0000 for status in statuses)


def send_what_is_no_film(site: Site, folder: Path) -> None:
    # A caller of its own: the same refusal of the same caller is told once a minute.
    stranger = AE(ae_title=f"S{uuid4().hex[:12]}")
    context = build_context("1.2.840.10008.1.1")
    assert stranger.associate("127.0.0.1", site.port, contexts=[context], ae_title=NAME).is_rejected
    film = read(telling_film(folder))
    ae = AE(ae_title="MODALITY")
    context = build_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    find = build_context("1.2.840.10008.5.1.4.1.2.2.1")
    association = ae.associate("127.0.0.1", site.port, contexts=[context, find], ae_title="TBSCREEN")
    if any(accepted.abstract_syntax == find.abstract_syntax for accepted in association.accepted_contexts):
        query = Dataset()
        query.QueryRetrieveLevel, query.PatientName, query.PatientID = "STUDY", f"{NAME}*", ID
        list(association.send_c_find(query, find.abstract_syntax))
        query.PatientBirthDate = "19470299"
        list(association.send_c_find(query, find.abstract_syntax))
    film.SOPInstanceUID = generate_uid()  # not what the command will say
    association.send_c_store(film)
    association.abort()


def test_nothing_that_tells_who_a_patient_is_stands_in_any_line(site: Site, tmp_path: Path) -> None:
    log = site.installation.log
    before = log.stat().st_size
    film, taken = send_everything(site, tmp_path)
    send_what_is_no_film(site, tmp_path)
    last = telling_film(tmp_path)  # films are prepared in the order in which they came
    assert store_raw(site.port, last) == 0x0000
    site.wait_for_film(read(last), "screened")

    def lines() -> list[str]:
        return log.read_bytes()[before:].decode("utf-8", "replace").splitlines()

    def is_told() -> bool:
        told = "\n".join(lines())
        events = ("report delivered", "dataset not understood", "association rejected")
        return told.count("film received") >= taken and all(event in told for event in events)

    wait_until(is_told, 60, "all of it is in the log")
    found = [line for line in lines() for word in TELLING if word.lower() in line.lower()]
    assert found == []
    uids = [line for line in lines() if str(film.SOPInstanceUID) in line]
    assert uids == [], "films are named by the hash of their UID"

    audit = site.installation.settings.data_directory / "audit" / "gateway.log"
    assert ID.encode() in audit.read_bytes(), "what is looked for has come in"
    assert NAME.encode() not in audit.read_bytes()

    environment = {**os.environ, "TBSCREEN_CONFIG": str(site.installation.directory / "tbscreen.toml")}
    said = subprocess.run(
        [sys.executable, "-m", "tbscreen", "doctor"], env=environment, capture_output=True, check=False
    )
    assert said.stdout
    assert not any(word.encode() in said.stdout + said.stderr for word in TELLING)
