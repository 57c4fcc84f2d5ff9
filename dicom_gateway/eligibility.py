"""May this film be screened? Decided from its header by the site's rules and the default rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pydicom.dataset import Dataset

from db.codes import Doubt
from dicom_gateway.dataset_header import read_text
from dicom_gateway.default_rules import DEFAULT_RULES
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.site_rules import Candidate, find_rule
from dicom_gateway.verdict import Verdict

OWN_MANUFACTURER: Final = "tbscreen"
"""Manufacturer (0008,0070) of every object that tbscreen makes."""


def judge(
    header: Dataset, transfer_syntax_uid: str, calling_ae_title: str, settings: GatewaySettings
) -> Verdict:
    """Decide by header whether a film is screened.

    The first of the site's rules that the film meets decides; `DEFAULT_RULES` follow, of which the first that
    refuses decides. A site's rule that screens a film stands for what the header says of the kind of picture.
    It does not stand for a decoder or a single frame; nor for sender and age, unless it names them.
    """
    film = Candidate(header, transfer_syntax_uid, calling_ae_title)
    site = find_rule(settings.rules, film)
    if site is not None and site.code is not None:
        return Verdict(site.code, "refused by the settings", rule=site.name)
    doubts: list[Doubt] = []
    for rule in DEFAULT_RULES:
        if site is not None and rule.waived_by(site):
            continue
        verdict = rule.judge(film, settings)
        if verdict.refusal is not None:
            return replace(verdict, rule=rule.name)
        doubts.extend(verdict.doubts)
    return Verdict(None, "eligible", tuple(doubts), site.name if site is not None else "")


def is_own_output(header: Dataset) -> bool:
    """True for an object that says tbscreen made it, also where a PACS gave it a new UID."""
    return (read_text(header, "Manufacturer", 64) or "").lower() == OWN_MANUFACTURER
