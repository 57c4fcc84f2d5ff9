from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from pydicom.uid import (
    MPEG2MPML,
    CTImageStorage,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
)

from dicom_gateway.rules.decision import Decision
from dicom_gateway.rules.default_rules import DEFAULT_RULES
from dicom_gateway.rules.eligibility import judge
from dicom_gateway.rules.rule_settings import RESERVED_NAMES, RuleSettings
from dicom_gateway.rules.site_rules import Candidate, meets
from dicom_gateway.settings import GatewaySettings
from domain.codes import Doubt, Refusal
from tests.golden.synthetic import describe_film


@pytest.mark.parametrize(
    ("condition", "attributes", "met"),
    [
        ({"modalities": ["DX", "cr"]}, {}, True),
        ({"modalities": ["DX"]}, {}, False),
        ({"modalities": [""]}, {"Modality": None}, True),
        ({"modalities": [""]}, {}, False),
        ({"body_parts": ["*chest*"]}, {"BodyPartExamined": "PORT CHEST"}, True),
        ({"body_parts": ["chest"]}, {"BodyPartExamined": "PORT CHEST"}, False),
        ({"view_positions": ["L?"]}, {"ViewPosition": "LL"}, True),
        ({"view_positions": ["L?"]}, {"ViewPosition": "LLD"}, False),
        ({"series_descriptions": ["*a[b]*"]}, {"SeriesDescription": "x A[B]."}, True),
        ({"series_descriptions": ["*a[b]*"]}, {"SeriesDescription": "ab"}, False),
        ({"study_descriptions": ["staff*"]}, {"StudyDescription": "Staff examination"}, True),
        ({"study_descriptions": ["staff*"]}, {"SeriesDescription": "Staff examination"}, False),
        ({"calling_ae_titles": ["van*"]}, {}, True),
        ({"calling_ae_titles": ["VAN"]}, {}, False),
        ({"sop_classes": ["ComputedRadiographyImageStorage"]}, {}, True),
        ({"sop_classes": ["1.2.840.10008.5.1.4.1.1.1"]}, {}, True),
        ({"sop_classes": ["CTImageStorage"]}, {}, False),
        ({"minimum_age_years": 40, "maximum_age_years": 40}, {}, True),
        ({"minimum_age_years": 41}, {}, False),
        ({"maximum_age_years": 39}, {}, False),
        ({"maximum_age_years": 39}, {"PatientAge": None}, False),
        ({"minimum_age_years": 0}, {"PatientAge": None}, False),
        ({"modalities": ["CR"], "body_parts": ["CHEST"], "minimum_age_years": 18}, {}, True),
        ({"modalities": ["CR"], "body_parts": ["KNEE"], "minimum_age_years": 18}, {}, False),
    ],
    ids=str,
)
def test_a_film_meets_a_rule_when_it_meets_all_of_its_conditions(
    condition: dict[str, Any], attributes: dict[str, Any], met: bool
) -> None:
    header = describe_film(np.zeros((8, 8), dtype=np.uint16), **attributes)

    film = Candidate(header, str(ExplicitVRLittleEndian), " VAN1 ")

    assert meets(_rule(**condition), film) is met


def test_the_first_of_the_sites_rules_decides() -> None:
    rules = [
        {"name": "babies", "outcome": "refuse", "maximum_age_years": 1, "refusal": "under_age"},
        {"name": "portables", "outcome": "refuse", "series_descriptions": ["*port*"]},
        {"name": "all-cr", "outcome": "screen", "modalities": ["CR"]},
    ]

    assert _judge(rules, SeriesDescription="Portable") == Decision(
        Refusal.EXCLUDED_BY_RULE, "refused by the settings", rule="portables"
    )
    assert _judge(rules, PatientAge="003D", SeriesDescription="Portable").refusal is Refusal.UNDER_AGE
    assert _judge(rules, BodyPartExamined="HIP", ViewPosition=None) == Decision(
        None, "eligible", (), "all-cr"
    )
    assert _judge(rules, Modality="DX", BodyPartExamined="HIP").rule == "body-part"
    assert _judge(rules, Modality="DX").explanation == "eligible"


@pytest.mark.parametrize(
    ("attributes", "condition", "refusal", "rule"),
    [
        ({"SOPClassUID": DigitalXRayImageStorageForProcessing}, {}, None, "ours"),
        ({"SOPClassUID": CTImageStorage, "Modality": "CT"}, {"modalities": ["CT"]}, None, "ours"),
        ({"Modality": None, "BodyPartExamined": None}, {}, None, "ours"),
        ({"ViewPosition": "LL"}, {}, None, "ours"),
        ({"NumberOfFrames": 2}, {}, Refusal.MULTI_FRAME, "frames"),
        ({"PatientAge": "003Y"}, {}, Refusal.UNDER_AGE, "age"),
        ({"PatientAge": "003Y"}, {"minimum_age_years": 2}, None, "ours"),
        ({"PatientAge": "003Y"}, {"minimum_age_years": 4}, Refusal.EXCLUDED_BY_RULE, "excluded-sender"),
        ({}, {"calling_ae_titles": [], "modalities": ["CR"]}, Refusal.EXCLUDED_BY_RULE, "excluded-sender"),
    ],
    ids=str,
)
def test_a_rule_that_screens_stands_for_the_picture_and_not_for_frames_age_or_sender(
    attributes: dict[str, Any], condition: dict[str, Any], refusal: Refusal | None, rule: str
) -> None:
    rules = [{"name": "ours", "outcome": "screen", "calling_ae_titles": ["DENTAL"]} | condition]

    verdict = _judge(rules, excluded=("DENTAL",), sender="DENTAL", **attributes)

    assert (verdict.refusal, verdict.rule) == (refusal, rule)
    assert verdict.doubts == ()


def test_no_rule_screens_what_no_decoder_reads() -> None:
    header = describe_film(np.zeros((8, 8), dtype=np.uint16))
    settings = GatewaySettings(rules=(_rule(outcome="screen", modalities=["CR"]),))

    verdict = judge(header, str(MPEG2MPML), "X", settings)

    assert (verdict.refusal, verdict.rule) == (Refusal.UNSUPPORTED_TRANSFER_SYNTAX, "transfer-syntax")
    assert verdict.explanation.endswith("(rule transfer-syntax)")


def test_an_unknown_age_stays_a_doubt_under_a_rule_that_screens() -> None:
    rules = [{"name": "ours", "outcome": "screen", "modalities": ["CR"]}]

    assert _judge(rules, PatientAge=None, ViewPosition=None).doubts == (Doubt.AGE_UNKNOWN,)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, "no condition"),
        ({"modalities": []}, "no condition"),
        ({"name": "", "modalities": ["CR"]}, "name"),
        ({"outcome": "maybe", "modalities": ["CR"]}, "outcome"),
        ({"outcome": "screen", "refusal": "not_chest", "modalities": ["CR"]}, "remove its refusal"),
        ({"refusal": "undecodable", "modalities": ["CR"]}, "is not among"),
        ({"minimum_age_years": 20, "maximum_age_years": 10}, "above"),
        ({"sop_classes": ["CR"]}, "keyword"),
        ({"sop_classes": ["ExplicitVRLittleEndian"]}, "keyword"),
        ({"body_parts": ["*" * 9]}, "at most 8"),
        ({"body_parts": ["x" * 65]}, "64"),
        ({"bodyparts": ["CHEST"]}, "bodyparts"),
        ({"name": "age", "modalities": ["CR"]}, "default rule"),
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused_at_start(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GatewaySettings.model_validate({"rules": [{"name": "ours", "outcome": "refuse"} | rule]})


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValidationError, match="given twice"):
        GatewaySettings(rules=(_rule(modalities=["CR"]), _rule(modalities=["DX"])))


def test_the_default_rules_names_are_taken() -> None:
    assert {rule.name for rule in DEFAULT_RULES} < RESERVED_NAMES
    assert RESERVED_NAMES - {rule.name for rule in DEFAULT_RULES} == {"own-output", "pixels", "image-guard"}


def test_no_pattern_takes_long() -> None:
    header = describe_film(np.zeros((8, 8), dtype=np.uint16), SeriesDescription="a" * 256)
    rule = _rule(series_descriptions=["*a*a*a*a*a*a*a*b"])
    begun = time.process_time()

    assert not meets(rule, Candidate(header, "", ""))
    assert time.process_time() - begun < 0.5


def _rule(**given: Any) -> RuleSettings:
    return RuleSettings.model_validate({"name": "ours", "outcome": "refuse"} | given)


def _judge(
    rules: list[dict[str, Any]], excluded: tuple[str, ...] = (), sender: str = "X", **attributes: Any
) -> Decision:
    settings = GatewaySettings.model_validate({"rules": rules, "excluded_calling_ae_titles": excluded})
    header = describe_film(np.zeros((8, 8), dtype=np.uint16), **attributes)
    return judge(header, str(ExplicitVRLittleEndian), sender, settings)
