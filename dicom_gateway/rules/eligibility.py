"""The eligibility of a film for screening, by the site's rules, the default rules and its pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pydicom.dataset import Dataset

from dicom_gateway.rules.decision import Decision
from dicom_gateway.rules.default_rules import DEFAULT_RULES
from dicom_gateway.rules.site_rules import Candidate, find_rule
from dicom_gateway.settings import GatewaySettings
from domain.array.image_guard import Certainty, Opinion, Picture
from domain.codes import Doubt, Refusal

GUARD_RULE: Final = "image-guard"
"""Rule name of a decision by pixels."""


def judge(
    header: Dataset, transfer_syntax_uid: str, calling_ae_title: str, settings: GatewaySettings
) -> Decision:
    """Decide by header whether a film is screened.

    The first of the site's rules that the film meets decides; of the `DEFAULT_RULES`, the first that refuses
    decides. A site's rule that screens a film overrides the header's description of the kind of picture. It
    does not override the checks of decoder and frames, nor those of sender and age unless it names them.
    """
    film = Candidate(header, transfer_syntax_uid, calling_ae_title)
    site = find_rule(settings.rules, film)
    if site is not None and site.code is not None:
        return Decision(site.code, "refused by the settings", rule=site.name)
    doubts: list[Doubt] = []
    kind_unknown = False
    for rule in DEFAULT_RULES:
        if site is not None and rule.waived_by(site):
            continue
        decision = rule.judge(film, settings)
        if decision.refusal is not None:
            return replace(decision, rule=rule.name)
        doubts.extend(decision.doubts)
        kind_unknown = kind_unknown or decision.kind_unknown
    return Decision(None, "eligible", tuple(doubts), site.name if site is not None else "", kind_unknown)


def judge_pixels(decision: Decision, opinion: Opinion) -> Decision:
    """Combine the decision by header with the image guard's opinion of the pixels.

    Pixels that clearly show something else overrule the header. With unclear pixels the film is screened with
    a doubt, or refused if the header is silent, too. A clear chest film needs no body part in its header. The
    guard does not recognize lateral films, so that an unknown view stays a doubt.

    Args:
        decision: decision by header, without a refusal.
        opinion: the image guard's opinion.
    """
    if opinion.certainty is Certainty.CHEST:
        known = tuple(doubt for doubt in decision.doubts if doubt is not Doubt.BODY_PART_UNKNOWN)
        return replace(decision, doubts=known)
    if opinion.certainty is Certainty.NO_CHEST:
        refusal = Refusal.NOT_CHEST if opinion.picture is Picture.OTHER_RADIOGRAPH else Refusal.NOT_AN_XRAY
        return Decision(refusal, opinion.words, rule=GUARD_RULE)
    if decision.kind_unknown:
        detail = f"nothing in the header speaks of an X-ray or of a chest, and the film {opinion.words}"
        return Decision(Refusal.NOT_AN_XRAY, detail, rule=GUARD_RULE)
    return replace(
        decision, detail=f"eligible; {opinion.words}", doubts=(*decision.doubts, Doubt.GUARD_UNSURE)
    )
