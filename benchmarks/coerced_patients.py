"""False and missed differences between patients: coerced copies of a patient, and other patients.

    python -m benchmarks.coerced_patients [--patients N]

Each generated patient is compared with copies, each coerced in one to four ways in which archives coerce
headers, and with other patients: a neighbour in the list, a namesake with another number and birth date,
and a twin of the same family name and birth date. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from domain.patient_identity import Patient, find_differences, is_same_patient
from tbscreen.machine import describe_machine

FAMILIES: Final = (
    "Müller Sørensen O'Brien García-López Иванов Nguyễn Smith Åkesson Łukasz Doe Okonkwo Ngugi Dlamini "
    "Banerjee Yamada Suzuki Kim Tan Hernández Schröder Æbeltoft D'Souza"
)
GIVEN: Final = (
    "Jürgen Anna-Maria José Zoë Иван Thị Jan Mary Thabo Amina Priya Tarou Hanako Minsu Wei Søren Joséphine"
)
IDEOGRAPHS: Final = "山田^太郎 鈴木^花子 김^민수 陳^偉 佐藤^一郎"

Coercion = Callable[[Patient], Patient]


def change_name(change: Callable[[str], str]) -> Coercion:
    """Return a coercion of the name."""
    return lambda patient: replace(patient, patient_name=change(patient.patient_name or ""))


def change_id(change: Callable[[str], str]) -> Coercion:
    """Return a coercion of the patient ID, where there is one."""
    return lambda patient: replace(patient, patient_id=patient.patient_id and change(patient.patient_id))


def lose_accents(name: str) -> str:
    """Return a name without accents."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


COERCIONS: Final[dict[str, Coercion]] = {
    "upper case": change_name(str.upper),
    "lower case": change_name(str.lower),
    "trailing carets": change_name(lambda name: "=".join(f"{group}^^" for group in name.split("="))),
    "first group alone": change_name(lambda name: name.partition("=")[0]),
    "other groups alone": change_name(lambda name: "=" + name.partition("=")[2] if "=" in name else name),
    "no accents": change_name(lose_accents),
    "composed accents": change_name(lambda name: unicodedata.normalize("NFD", name)),
    "characters lost": change_name(lambda name: name.encode("ascii", "replace").decode()),
    "one component": change_name(lambda name: name.replace("^", " ")),
    "a comma": change_name(lambda name: name.replace("^", ", ", 1)),
    "signs lost": change_name(lambda name: name.replace("'", "").replace("-", " ")),
    "padding": change_name(lambda name: f"{name} "),
    "name lost": lambda patient: replace(patient, patient_name=None),
    "birth date lost": lambda patient: replace(patient, patient_birth_date=None),
    "year of birth alone": lambda patient: replace(
        patient, patient_birth_date=(patient.patient_birth_date or "")[:4]
    ),
    "issuer lost": lambda patient: replace(patient, patient_id_issuer=None),
    "issuer with universal ID": lambda patient: replace(
        patient, patient_id_issuer=patient.patient_id_issuer and f"{patient.patient_id_issuer}&1.2.3&ISO"
    ),
    "CX": change_id(lambda number: f"{number}^^^X"),
    "ID padded": change_id(lambda number: f" {number} "),
    "ID in lower case": change_id(str.lower),
    "ID lost": lambda patient: replace(patient, patient_id=None),
}


def make_patient(chance: random.Random, number: int) -> Patient:
    """Return a patient with a number of its own."""
    name = f"{chance.choice(FAMILIES.split())}^{chance.choice(GIVEN.split())}"
    name += chance.choice(["", "", "^Ann", "^^Dr."]) + chance.choice(
        ["", "", "=" + chance.choice(IDEOGRAPHS.split())]
    )
    birth = f"{chance.randrange(1930, 2010)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
    return Patient(f"TB-{number:06}", "CLINIC", name, birth, chance.choice("MF"))


def make_others(patient: Patient, neighbour: Patient) -> dict[str, Patient]:
    """Return other patients than `patient`."""
    family = (patient.patient_name or "").partition("^")[0]
    namesake = replace(neighbour, patient_name=patient.patient_name)
    twin = replace(neighbour, patient_name=f"{family}^Twin", patient_birth_date=patient.patient_birth_date)
    return {"neighbour": neighbour, "namesake": namesake, "twin": twin}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--patients", type=int, default=20_000)
    options = parser.parse_args()
    chance = random.Random(1)
    patients = [make_patient(chance, number) for number in range(options.patients)]
    false: dict[str, int] = {}
    missed: dict[str, int] = {}
    copies = others = conflicts = 0
    for patient, neighbour in zip(patients, patients[1:] + patients[:1], strict=True):
        chosen = chance.sample(sorted(COERCIONS), chance.randrange(1, 5))
        copy = patient
        for name in chosen:
            copy = COERCIONS[name](copy)
        copies += 1
        conflicts += not is_same_patient(patient, copy)
        if find_differences(patient, copy):
            false[" + ".join(chosen)] = false.get(" + ".join(chosen), 0) + 1
        for kind, other in make_others(patient, neighbour).items():
            others += 1
            missed[kind] = missed.get(kind, 0) + (not find_differences(patient, other))
    print(describe_machine())
    print(
        f"{copies} coerced copies: {sum(false.values())} false notices, {conflicts} taken for another patient"
    )
    for name, count in sorted(false.items(), key=lambda item: -item[1])[:20]:
        print(f"  {count}: {name}")
    print(f"{others} other patients: {sum(missed.values())} missed {missed}")
    result = {"copies": copies, "false_notices": sum(false.values()), "false_conflicts": conflicts}
    print(json.dumps({**result, "others": others, "missed": sum(missed.values())}))


if __name__ == "__main__":
    main()
