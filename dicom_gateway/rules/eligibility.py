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
from domain.codes import Doubt, Observation, Refusal

GUARD_RULE: Final = "image-guard"
"""Rule name of a decision by pixels."""

CHEST_PICTURES: Final = (Picture.FRONTAL_CHEST, Picture.TURNED_CHEST)

REFUSAL_OF: Final = {
    Picture.LATERAL_CHEST: Refusal.NOT_FRONTAL,
    Picture.OTHER_RADIOGRAPH: Refusal.NOT_CHEST,
    Picture.NOT_AN_XRAY: Refusal.NOT_AN_XRAY,
}
"""Refusal by what the pixels show."""

SEEN: Final = {
    Doubt.BODY_PART_UNKNOWN: Observation.BODY_PART_FROM_PIXELS,
    Doubt.VIEW_UNKNOWN: Observation.VIEW_FROM_PIXELS,
}
"""Doubts that pixels lift, with what the report then says."""


def judge(
    header: Dataset, transfer_syntax_uid: str, calling_ae_title: str, settings: GatewaySettings
) -> Decision:
    """Decide by header whether a film is screened.

    The first of the site's rules that the film meets decides; of the `DEFAULT_RULES`, the first that refuses
    decides. Pixels may contest a refusal by a description alone, unless another rule refuses the film, too. A
    site's rule that screens a film overrides the header's description of the kind of picture. It does not
    override the checks of decoder and frames, nor those of sender and age unless it names them.
    """
    film = Candidate(header, transfer_syntax_uid, calling_ae_title)
    site = find_rule(settings.rules, film)
    if site is not None and site.code is not None:
        return Decision(site.code, "refused by the settings", rule=site.name)
    doubts: list[Doubt] = []
    settled: list[Doubt] = []
    refused: Decision | None = None
    kind_unknown = False
    for rule in DEFAULT_RULES:
        if site is not None and rule.waived_by(site):
            continue
        decision = rule.judge(film, settings)
        if decision.refusal is not None:
            refused = refused or replace(decision, rule=rule.name)
            if decision.contested is None:
                return replace(refused, contested=None)
        elif rule.settles is not None and not decision.doubts:
            settled.append(rule.settles)
        doubts.extend(decision.doubts)
        kind_unknown = kind_unknown or decision.kind_unknown
    name = site.name if site is not None else ""
    if refused is not None:
        return replace(refused, contested=(Doubt.HEADER_DISAGREES, *doubts))
    return Decision(None, "eligible", tuple(doubts), name, kind_unknown, tuple(settled))


def judge_pixels(decision: Decision, opinion: Opinion) -> Decision:
    """Combine the decision by header with the image guard's opinion of the pixels.

    Pixels settle what the header does not tell. Where both tell and disagree, the film is screened with a
    doubt; a picture that is no radiograph is refused whatever the header tells.

    Args:
        decision: decision by header; a refusal only if the pixels can contest it.
        opinion: the image guard's opinion.
    """
    if decision.refusal is not None:
        return _contest(decision, opinion)
    if opinion.certainty is Certainty.CHEST:
        return _trust(decision, opinion)
    if opinion.certainty is Certainty.NO_CHEST:
        return _reject(decision, opinion)
    if decision.kind_unknown and opinion.picture not in CHEST_PICTURES:
        detail = f"nothing in the header speaks of an X-ray or of a chest, and the film {opinion.words}"
        return Decision(REFUSAL_OF[opinion.picture], detail, rule=GUARD_RULE)
    return _doubt(decision, opinion, Doubt.GUARD_UNSURE)


def _contest(decision: Decision, opinion: Opinion) -> Decision:
    if decision.contested is None or not opinion.near_certain:
        return decision
    detail = f"{decision.detail}, but the film {opinion.words}"
    return Decision(None, detail, decision.contested, rule=decision.rule)


def _trust(decision: Decision, opinion: Opinion) -> Decision:
    if decision.says_nothing and not opinion.near_certain:
        return _doubt(decision, opinion, Doubt.GUARD_UNSURE)
    seen = tuple(observation for doubt, observation in SEEN.items() if doubt in decision.doubts)
    left = tuple(doubt for doubt in decision.doubts if doubt not in SEEN)
    return replace(decision, doubts=left, observations=seen)


def _reject(decision: Decision, opinion: Opinion) -> Decision:
    told = {Picture.LATERAL_CHEST: Doubt.VIEW_UNKNOWN, Picture.OTHER_RADIOGRAPH: Doubt.BODY_PART_UNKNOWN}
    if told.get(opinion.picture) in decision.settled:
        return _doubt(decision, opinion, Doubt.HEADER_DISAGREES)
    return Decision(REFUSAL_OF[opinion.picture], opinion.words, rule=GUARD_RULE)


def _doubt(decision: Decision, opinion: Opinion, doubt: Doubt) -> Decision:
    return replace(decision, detail=f"eligible; {opinion.words}", doubts=(*decision.doubts, doubt))
