"""Export of films with a verdict as pictures and labels for `tbscreen retrain`.

It writes PNG files, which have no header, and a CSV. Neither holds an identifying attribute of PS3.15 Annex
E: patients, films and sites are named by keyed hashes, and ages above 90 are written as 90. A film with
burned-in annotation (0028,0301) is left out, because its pixels may hold a name.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import structlog
from PIL import Image

from db.films.labelled_films import LabelledFilm
from dicom_gateway.deidentification.pseudonyms import Pseudonyms
from dicom_gateway.pixels.radiograph import read_display
from domain.codes import Verdict
from domain.errors import PermanentError
from domain.patient_identity import fold_patient_id

COLUMNS: Final = ("file", "label", "source", "patient", "view", "sex", "age", "pixels", "truth")
LABELS: Final = {Verdict.TB: "tb", Verdict.NOT_TB: "negative"}
"""Labels by verdict. A read of "not TB" does not mean a normal film, so its label is "negative"."""

OLDEST: Final = 90
VIEWS: Final = frozenset({"PA", "AP"})
SEXES: Final = frozenset({"M", "F"})
FOLDER: Final = "films"
LABEL_FILE: Final = "labels.csv"
ABOUT_FILE: Final = "about.txt"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Exported:
    """Counts of written and omitted films."""

    labels: Counter[str]
    patients: int
    unsure: int
    burned_in: int
    unstated: int
    """Films written although their header lacks Burned In Annotation."""
    full_size: int


class LabelExport:
    """Writes films into a new folder, which gets its name when all films are written."""

    def __init__(
        self, out: Path, names: Pseudonyms, *, spool: Path | None = None, with_burned_in: bool = False
    ) -> None:
        """Prepare an export.

        Args:
            out: the new folder, missing or empty.
            names: pseudonyms of one key.
            spool: spool of the gateway on this host; films whose files it holds are written in full size.
            with_burned_in: True to write films with burned-in annotation, too.

        Raises:
            PermanentError: when the folder is not empty.
        """
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise PermanentError(f"{out} is not an empty folder: name a new one")
        self._out, self._names, self._spool = out, names, spool
        self._with_burned_in = with_burned_in
        self._partial = out.with_name(f".{out.name}.partial")
        self._counts: Counter[str] = Counter()
        self._patients: set[str] = set()
        self._labels: Counter[str] = Counter()

    def write(self, films: Iterable[LabelledFilm], about: str) -> Exported:
        """Write all films and labels, then rename the folder.

        Args:
            films: films with their reads.
            about: first lines of `about.txt`, without identifiers.

        Raises:
            PermanentError: when there is no film to write.
        """
        shutil.rmtree(self._partial, ignore_errors=True)
        (self._partial / FOLDER).mkdir(parents=True)
        try:
            with (self._partial / LABEL_FILE).open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                writer.writerows(self._write_films(films))
            if not self._labels:
                raise PermanentError(
                    "no film of this period has a verdict of TB or not TB: nothing is exported"
                    + (" (some are left out: see --with-burned-in)" if self._counts["burned in"] else "")
                )
            exported = Exported(
                self._labels,
                len(self._patients),
                self._counts["unsure"],
                self._counts["burned in"],
                self._counts["unstated"],
                self._counts["full size"],
            )
            (self._partial / ABOUT_FILE).write_text(f"{about}\n\n{describe(exported)}\n", "utf-8")
            self._partial.rename(self._out)
        except BaseException:
            shutil.rmtree(self._partial, ignore_errors=True)
            raise
        return exported

    def _write_films(self, films: Iterable[LabelledFilm]) -> Iterator[tuple[object, ...]]:
        for film in films:
            if film.verdict is Verdict.UNSURE:
                self._counts["unsure"] += 1
            elif film.burned_in_annotation == "YES" and not self._with_burned_in:
                self._counts["burned in"] += 1
            else:
                yield self._write_film(film)

    def _write_film(self, film: LabelledFilm) -> tuple[object, ...]:
        name = self._names.name("film", film.sop_instance_uid)
        patient = self._names.name("patient", *_identify_patient(film))
        site = self._names.name("site", film.institution_name or film.calling_ae_title)[:8]
        label = LABELS[film.verdict]
        image = self._read_full_size(film)
        pixels = "rendition" if image is None else "film"
        if image is None:
            image = Image.open(io.BytesIO(film.jpeg)).convert("L")
        # A new image from the pixels alone, so that no metadata of the JPEG goes into the PNG.
        Image.fromarray(np.asarray(image)).save(self._partial / FOLDER / f"{name}.png")
        self._labels[label] += 1
        self._patients.add(patient)
        self._counts["full size"] += pixels == "film"
        self._counts["unstated"] += film.burned_in_annotation is None
        age = None if film.age_years is None else min(film.age_years, OLDEST)
        view = film.view_position if film.view_position in VIEWS else None
        truth = "bacteriology" if film.by_bacteriology else "read"
        sex = film.sex if film.sex in SEXES else None
        return (f"{FOLDER}/{name}.png", label, f"site-{site}", patient, view, sex, age, pixels, truth)

    def _read_full_size(self, film: LabelledFilm) -> Image.Image | None:
        """Return the film in full size, 8 bit, if this host's spool holds its file."""
        if self._spool is None or film.spool_path is None:
            return None
        try:
            display = read_display(self._spool / film.spool_path)
        except (OSError, PermanentError) as error:
            log.warning("rendition exported: file in the spool cannot be read", error=type(error).__name__)
            return None
        return Image.fromarray(np.rint(display * 255.0).astype(np.uint8))


def describe(exported: Exported) -> str:
    """Return the counts of written and omitted films as text without identifiers."""
    labels = ", ".join(f"{number} {label}" for label, number in sorted(exported.labels.items()))
    lines = [
        f"{exported.labels.total()} films of {exported.patients} patients: {labels}",
        f"{exported.full_size} in full size, the others at most 1024 pixels a side",
    ]
    if exported.unsure:
        lines.append(f"{exported.unsure} films of unsure verdicts left out")
    if exported.burned_in:
        lines.append(f"{exported.burned_in} films with burned-in annotation left out")
    if exported.unstated:
        lines.append(
            f"{exported.unstated} films do not say whether they carry burned-in annotation: "
            "look through them before they leave the hospital"
        )
    return "\n".join(lines)


def _identify_patient(film: LabelledFilm) -> tuple[str, ...]:
    """Return the identifiers that all films of a patient share, else those of the study.

    A patient ID is the same in any case and with any spaces, as everywhere; in capitals, as most are, it has
    the name that earlier versions gave it.
    """
    if patient_id := fold_patient_id(film.patient_id):
        return ("id", patient_id.upper())
    if film.patient_name and film.patient_birth_date:
        return ("name", film.patient_name.strip().casefold(), film.patient_birth_date)
    return ("study", film.study_instance_uid)
