"""Patients compared as archives coerce them: no coercion is a difference, and other patients are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.patient_identity import Patient, find_differences, is_same_patient, read_patient

JANE = Patient("P-0042", "CLINIC", "Doe^Jane^Ann", "19800229", "F")
JURGEN = Patient("77 a", None, "Müller-Lüdenscheidt^Jürgen^^Dr.", "19600102")
TAROU = Patient("12345", "TOKYO", "Yamada^Tarou=山田^太郎=やまだ^たろう", "19751231")

COERCED = {
    "case": replace(JANE, patient_id="p-0042", patient_name="DOE^JANE^ANN"),
    "trailing carets": replace(JANE, patient_name="Doe^Jane^Ann^^"),
    "trailing groups": replace(JANE, patient_name="Doe^Jane^Ann=="),
    "padding": replace(
        JANE, patient_id=" P-0042 ", patient_name="Doe ^Jane^Ann ", patient_id_issuer="CLINIC "
    ),
    "NUL padding": replace(JANE, patient_id="P-0042\0", patient_name="Doe^Jane^Ann\0"),
    "no issuer": replace(JANE, patient_id_issuer=None),
    "issuer with its universal ID": replace(JANE, patient_id_issuer="CLINIC&1.2.3&ISO"),
    "HL7 CX as patient ID": replace(JANE, patient_id="P-0042^^^CLINIC"),
    "no middle name": replace(JANE, patient_name="Doe^Jane"),
    "one component": replace(JANE, patient_name="DOE JANE ANN"),
    "a comma": replace(JANE, patient_name="Doe, Jane Ann"),
    "given name first": replace(JANE, patient_name="Jane Ann Doe"),
    "prefix": replace(JANE, patient_name="Doe^Jane^Ann^Mrs"),
    "no name": replace(JANE, patient_name=None),
    "carets alone": replace(JANE, patient_name="^^^^"),
    "no birth date": replace(JANE, patient_birth_date=None),
    "birth date of zeros": replace(JANE, patient_birth_date="00000000"),
    "year of birth alone": replace(JANE, patient_birth_date="1980"),
    "ACR-NEMA date": replace(JANE, patient_birth_date="1980.02.29"),
    "no sex": replace(JANE, patient_sex=None),
    "nothing": Patient(),
}
COERCED_OTHERS = {
    "umlauts as digraphs": (JURGEN, replace(JURGEN, patient_name="MUELLER-LUEDENSCHEIDT^JUERGEN^^DR")),
    "umlauts lost": (JURGEN, replace(JURGEN, patient_name="Muller Ludenscheidt^Jurgen")),
    "umlauts unreadable": (JURGEN, replace(JURGEN, patient_name="M?ller-L?denscheidt^J?rgen")),
    "umlauts decomposed": (
        JURGEN,
        replace(JURGEN, patient_name="Mu\u0308ller-Lu\u0308denscheidt^Ju\u0308rgen"),
    ),
    "spaces in the ID": (JURGEN, replace(JURGEN, patient_id="77A")),
    "no ideographs": (TAROU, replace(TAROU, patient_name="YAMADA^TAROU")),
    "ideographs alone": (TAROU, replace(TAROU, patient_name="=山田^太郎")),
    "ideographs in the first group": (TAROU, replace(TAROU, patient_name="山田^太郎")),
    "no phonetic group": (TAROU, replace(TAROU, patient_name="Yamada^Tarou=山田^太郎")),
    "full width letters": (TAROU, replace(TAROU, patient_name="ＹＡＭＡＤＡ^ＴＡＲＯＵ=山田^太郎")),
    "an apostrophe": (Patient("1", None, "O'Brien^Pat"), Patient("1", None, "OBRIEN^PAT")),
    "a letter that is not decomposed": (
        Patient("1", None, "Sørensen^Åge"),
        Patient("1", None, "SORENSEN^AAGE"),
    ),
    "Cyrillic case": (Patient("1", None, "Иванов^Иван"), Patient("1", None, "ИВАНОВ^ИВАН")),
}
OTHERS = {
    ("patient_id",): replace(JANE, patient_id="P-0043"),
    ("patient_birth_date",): replace(JANE, patient_birth_date="19810229"),
    ("patient_name",): replace(JANE, patient_name="Doe^John^Ann"),
    ("patient_birth_date", "patient_name"): replace(
        JANE, patient_name="Roe^Mary", patient_birth_date="19550505"
    ),
}


@pytest.mark.parametrize("coerced", COERCED.values(), ids=COERCED)
def test_a_coerced_header_is_no_difference(coerced: Patient) -> None:
    assert find_differences(JANE, coerced) == find_differences(coerced, JANE) == ()
    assert is_same_patient(JANE, coerced)


@pytest.mark.parametrize("pair", COERCED_OTHERS.values(), ids=COERCED_OTHERS)
def test_a_coerced_name_of_any_script_is_no_difference(pair: tuple[Patient, Patient]) -> None:
    assert find_differences(*pair) == find_differences(*reversed(pair)) == ()


@pytest.mark.parametrize(("fields", "other"), OTHERS.items(), ids=str)
def test_another_patient_differs_in_its_fields(fields: tuple[str, ...], other: Patient) -> None:
    assert find_differences(JANE, other) == find_differences(other, JANE) == fields


def test_the_same_number_of_two_issuers_is_two_patients() -> None:
    assert find_differences(JANE, replace(JANE, patient_id_issuer="HOSPITAL")) == ("patient_id",)


def test_the_same_letters_with_other_ideographs_are_another_name() -> None:
    other = replace(TAROU, patient_name="Yamada^Tarou=山多^太朗")
    assert find_differences(TAROU, other) == ("patient_name",)


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (True, replace(JANE, patient_name="Do^Jane^Anne")),
        (True, replace(JANE, patient_birth_date="19800228")),
        (False, replace(JANE, patient_id="P-0043")),
        (False, replace(JANE, patient_name="Roe^Mary", patient_birth_date="19550505")),
        (False, replace(JANE, patient_name="Roe^Mary", patient_birth_date=None)),
        (False, Patient(None, None, "Roe^Mary", "19800229")),
    ],
)
def test_a_correction_agrees_in_two_of_three_and_names_no_other_number(same: bool, other: Patient) -> None:
    assert is_same_patient(JANE, other) is same
    assert is_same_patient(other, JANE) is same


def test_a_patient_is_read_from_a_header_in_json() -> None:
    header = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]},
        "00100020": {"vr": "LO", "Value": ["12345"]},
        "00100021": {"vr": "LO"},
        "00100030": {"vr": "DA", "Value": ["19751231"]},
        "00100040": {"vr": "CS", "Value": [None]},
    }
    assert read_patient(header) == Patient("12345", None, "Yamada^Tarou=山田^太郎", "19751231", None)
