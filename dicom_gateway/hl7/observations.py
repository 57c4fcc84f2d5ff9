"""OBX: what a message says of a film (HL7 2.5.1, 7.4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import hl7

from db.delivery.outbox import ReportableScreening
from db.hl7.standing_films import StandingFilm
from dicom_gateway.hl7.segments import FieldValue, make_segment
from dicom_gateway.results.refusal_report import REASON, REASONS
from dicom_gateway.results.report_wording import (
    NOT_A_DEVICE,
    describe_percentages,
    describe_tb_score,
    find_tb_score,
    list_remarks,
)
from dicom_gateway.results.sr_document import COMMENT, PERCENT, PRIVATE_SCHEME
from dicom_gateway.results.structured_report import (
    CERTAINTY,
    FEATURES_OF_TB,
    PULMONARY_TB,
    THRESHOLD,
    VALUES,
)
from domain.codes import Finding, Refusal
from domain.notices import NOT_VERIFIED

ABNORMAL: Final = "A"
"""Abnormal flag (table 0078) of the finding Present; other findings have none, since none means normal."""

PRIORITY: Final = ("TBPRIORITY", "Reading priority", PRIVATE_SCHEME)
TB_SCORE: Final = ("TBSCORE", "TB score", PRIVATE_SCHEME)
LINK: Final = ("TBPAGE", "Page of the study", PRIVATE_SCHEME)
ALGORITHM_NAME: Final = ("111001", "Algorithm Name", "DCM")
ALGORITHM_VERSION: Final = ("111003", "Algorithm Version", "DCM")
STUDY: Final = ("113014", "DICOM Study", "DCM")
FILM: Final = ("121112", "Source of Measurement", "DCM")


@dataclass(frozen=True)
class Observation:
    """One value of a message."""

    value_type: str
    """Data type of the value (table 0125)."""
    code: tuple[str, ...]
    """Code value, meaning and scheme of what was observed."""
    value: FieldValue
    units: tuple[str, ...] = ()
    flag: str = ""
    status: str | None = None
    """Result status (table 0085), where it is not that of the other observations."""


def list_of_result(
    film: StandingFilm, finding_code: str, page_url: str | None, remark: str
) -> list[Observation]:
    """Return the observations of a screened film; the notice that nobody verified them follows the finding.

    Args:
        film: a film with a screening.
        finding_code: `tbscreen` or `snomed`, as in SRs.
        page_url: address of the page, for the link; None for no link.
        remark: a sentence on the message itself; may be empty.
    """
    screening = film.screening
    assert screening is not None
    sentences = [
        *(f"{NOT_VERIFIED}.", NOT_A_DEVICE),
        *describe_tb_score(screening),
        describe_percentages(screening),
        *list_remarks(screening),
        *([remark] if remark else []),
    ]
    return [
        _state_finding(screening, finding_code),
        make_comment(sentences),
        *_measure(screening),
        Observation("CE", PRIORITY, (screening.priority, screening.priority.title(), PRIVATE_SCHEME)),
        Observation("ST", ALGORITHM_NAME, str(screening.manifest["name"])),
        Observation("ST", ALGORITHM_VERSION, str(screening.manifest["version"])),
        *_name_film(film, page_url),
    ]


def list_of_refusal(
    film: StandingFilm, finding_code: str, page_url: str | None, unobtainable: str
) -> list[Observation]:
    """Return the observations of a refused film: no finding, and the reason.

    Args:
        film: a film with a refusal.
        finding_code: as in `list_of_result`.
        page_url: as in `list_of_result`.
        unobtainable: result status of the finding that there is not.
    """
    assert film.refusal is not None
    code = film.refusal.refusal
    return [
        Observation("CE", _name_finding(finding_code), None, status=unobtainable),
        Observation("CE", _code(REASON), _code(REASONS[code])),
        make_comment(explain_refusal(code)),
        *_name_film(film, page_url),
    ]


def make_comment(sentences: Sequence[str]) -> Observation:
    """Return sentences for people as one observation: each a repetition, shown as a line by most systems."""
    return Observation("TX", _code(COMMENT), list(sentences))


def explain_refusal(refusal: Refusal) -> Sequence[str]:
    """Return the notice of a refusal, as sentences."""
    reason = f"{REASONS[refusal].meaning}."
    return ["This image was not analysed.", reason, "Nothing is said about tuberculosis.", NOT_A_DEVICE]


def make_observation_segments(
    observations: Sequence[Observation], status: str, observed_at: str, analysed_at: str, equipment: str
) -> list[hl7.Segment]:
    """Return the OBX segments.

    Args:
        observations: in their order.
        status: result status (table 0085).
        observed_at: time of the film, data type TS.
        analysed_at: time of the result, data type TS.
        equipment: AE title of tbscreen.
    """
    return [
        make_segment(
            "OBX",
            {
                1: str(number),
                2: observation.value_type,
                3: observation.code,
                5: observation.value,
                6: observation.units,
                8: observation.flag,
                11: observation.status or status,
                14: observed_at,
                18: equipment,
                19: analysed_at,
            },
        )
        for number, observation in enumerate(observations, 1)
    ]


def _state_finding(screening: ReportableScreening, finding_code: str) -> Observation:
    finding = Finding(screening.finding)
    flag = ABNORMAL if finding is Finding.PRESENT else ""
    return Observation("CE", _name_finding(finding_code), _code(VALUES[finding]), flag=flag)


def _measure(screening: ReportableScreening) -> list[Observation]:
    """Return the TB score, which an untrained model has not, and the percentages of the SR."""
    tb_score = find_tb_score(screening)
    scored = [] if tb_score is None else [Observation("NM", TB_SCORE, str(tb_score))]
    shares = ((CERTAINTY, screening.probability), (THRESHOLD, screening.calibrated_threshold))
    return scored + [
        Observation("NM", _code(concept), f"{100.0 * share:.2f}", units=_code(PERCENT))
        for concept, share in shares
    ]


def _name_film(film: StandingFilm, page_url: str | None) -> list[Observation]:
    named = [
        Observation("ST", STUDY, film.study_instance_uid),
        Observation("ST", FILM, film.sop_instance_uid),
    ]
    if page_url is not None:
        address = f"{page_url}/studies/{quote(film.study_instance_uid, safe='')}"
        named.append(Observation("RP", LINK, (address, "TBSCREEN", "TEXT", "HTML")))
    return named


def _name_finding(finding_code: str) -> tuple[str, ...]:
    return _code(FEATURES_OF_TB if finding_code == "tbscreen" else PULMONARY_TB)


def _code(concept: Any) -> tuple[str, ...]:
    """Return a coded concept as code value, meaning and scheme (data type CE)."""
    return concept.value, concept.meaning, concept.scheme_designator
