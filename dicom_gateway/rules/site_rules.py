"""Matching of films with the site's own rules."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import read_text
from dicom_gateway.rules.patient_age import read_age_years
from dicom_gateway.rules.rule_settings import RuleSettings

LONGEST_TEXT: Final = 256
"""Number of characters of an attribute that are matched with a pattern."""


@dataclass(frozen=True)
class Candidate:
    """The facts of a film that rules compare, without its pixels."""

    header: Dataset
    transfer_syntax_uid: str
    calling_ae_title: str


def find_rule(rules: Iterable[RuleSettings], film: Candidate) -> RuleSettings | None:
    """Return the first rule that the film meets, or None."""
    return next((rule for rule in rules if meets(rule, film)), None)


def meets(rule: RuleSettings, film: Candidate) -> bool:
    """True for a film that meets all conditions of a rule.

    One of a condition's patterns must match the attribute's whole text, in any case. A film without an age
    does not meet a rule with an age.
    """
    conditions = (
        (rule.modalities, "Modality"),
        (rule.body_parts, "BodyPartExamined"),
        (rule.view_positions, "ViewPosition"),
        (rule.study_descriptions, "StudyDescription"),
        (rule.series_descriptions, "SeriesDescription"),
    )
    if rule.sop_classes and read_text(film.header, "SOPClassUID", 64) not in rule.sop_classes:
        return False
    if rule.calling_ae_titles and not fits(rule.calling_ae_titles, film.calling_ae_title.strip()):
        return False
    for patterns, keyword in conditions:
        if patterns and not fits(patterns, read_text(film.header, keyword, LONGEST_TEXT) or ""):
            return False
    return _is_of_age(rule, film.header) if rule.names_age else True


def _is_of_age(rule: RuleSettings, header: Dataset) -> bool:
    age = read_age_years(header)
    if age is None:
        return False
    youngest, oldest = rule.minimum_age_years, rule.maximum_age_years
    return (youngest is None or age >= youngest) and (oldest is None or age <= oldest)


def fits(patterns: tuple[str, ...], text: str) -> bool:
    """True when a text matches one of the patterns with `*` and `?`, in any case."""
    return any(_compile(pattern).match(text) is not None for pattern in patterns)


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> re.Pattern[str]:
    # fnmatch puts the text between two stars into atomic groups: matching takes linear time for each star.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.IGNORECASE)
