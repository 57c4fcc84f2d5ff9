"""Settings of a site's own rules, which screen or refuse films before the default rules apply."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.codes import Refusal


class RuleAction(StrEnum):
    """Action of a rule on the films that meet its conditions."""

    SCREEN = "screen"
    REFUSE = "refuse"


RULE_REFUSALS: Final = frozenset(
    {
        Refusal.EXCLUDED_BY_RULE,
        Refusal.NOT_CHEST,
        Refusal.NOT_FRONTAL,
        Refusal.NOT_AN_XRAY,
        Refusal.UNDER_AGE,
        Refusal.UNSUPPORTED_SOP_CLASS,
    }
)
"""Refusal codes that a site's rule may give; the others describe faults of a file, unknown to rules."""

MOST_WILDCARDS: Final = 8

RESERVED_NAMES: Final = frozenset(
    {
        *("excluded-sender", "sop-class", "transfer-syntax", "frames", "modality", "body-part", "view"),
        *("something-known", "age", "own-output", "pixels", "image-guard"),
    }
)
"""Names of the default rules and of the decisions that follow them."""


def _check_pattern(value: str) -> str:
    if value.count("*") > MOST_WILDCARDS:
        raise ValueError(f"a pattern has at most {MOST_WILDCARDS} '*'")
    return value.strip()


def _check_sop_class(value: str) -> str:
    """Return the UID of a SOP class, given as a UID or as its keyword (PS3.6 A)."""
    if re.fullmatch(r"[0-2](\.(0|[1-9][0-9]*))+", value) and len(value) <= 64:
        return value
    from pydicom import uid  # not above: processes that only read settings must not load pydicom

    known = getattr(uid, value, None) if value.isalnum() else None
    if not isinstance(known, uid.UID) or known.type != "SOP Class":
        raise ValueError(
            "a SOP class is a UID or its keyword (PS3.6 A), such as ComputedRadiographyImageStorage"
        )
    return str(known)


Pattern = Annotated[str, Field(max_length=64), AfterValidator(_check_pattern)]
"""A pattern with `*` for any characters and `?` for a single one, in any case; empty matches absence."""

SopClass = Annotated[str, AfterValidator(_check_sop_class)]
"""UID of a SOP class, given as a UID or as a keyword."""


class RuleSettings(BaseModel):
    """One of the site's own rules. It decides on films that meet all of its conditions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    """Name of the rule in its decisions."""
    outcome: RuleAction
    """`screen`: the film is screened whatever kind of picture its header describes; the default rules on
    sender and age still apply unless this rule names them. `refuse`: the film is not screened."""
    refusal: Refusal | None = None
    """Code of the refusal, by default `excluded_by_rule`."""
    sop_classes: tuple[SopClass, ...] = ()
    """UIDs or keywords of SOP classes, such as `DigitalXRayImageStorageForProcessing`; one must match."""
    modalities: tuple[Pattern, ...] = ()
    """Modality (0008,0060): patterns with `*` and `?`, in any case; `""` matches absence. One must match."""
    body_parts: tuple[Pattern, ...] = ()
    """Body Part Examined (0018,0015): patterns as for `modalities`."""
    view_positions: tuple[Pattern, ...] = ()
    """View Position (0018,5101): patterns as for `modalities`."""
    study_descriptions: tuple[Pattern, ...] = ()
    """Study Description (0008,1030): patterns as for `modalities`."""
    series_descriptions: tuple[Pattern, ...] = ()
    """Series Description (0008,103E): patterns as for `modalities`."""
    calling_ae_titles: tuple[Pattern, ...] = ()
    """AE titles of senders: patterns as for `modalities`."""
    minimum_age_years: int | None = Field(default=None, ge=0, le=150)
    """Match only patients of this age or older; an unknown age does not match."""
    maximum_age_years: int | None = Field(default=None, ge=0, le=150)
    """Match only patients of this age or younger; an unknown age does not match."""

    @property
    def code(self) -> Refusal | None:
        """The refusal that matching films get; None for a rule that screens them."""
        if self.outcome is RuleAction.SCREEN:
            return None
        return self.refusal or Refusal.EXCLUDED_BY_RULE

    @property
    def names_age(self) -> bool:
        """True when the patient's age is a condition."""
        return self.minimum_age_years is not None or self.maximum_age_years is not None

    @model_validator(mode="after")
    def _check(self) -> RuleSettings:
        conditions = (
            *(self.sop_classes, self.modalities, self.body_parts, self.view_positions),
            *(self.study_descriptions, self.series_descriptions, self.calling_ae_titles),
        )
        if not any(conditions) and not self.names_age:
            raise ValueError(f"rule {self.name!r} has no condition: it would match every film; give one")
        if self.outcome is RuleAction.SCREEN and self.refusal is not None:
            raise ValueError(f"rule {self.name!r} screens films: remove its refusal")
        if self.refusal is not None and self.refusal not in RULE_REFUSALS:
            allowed = ", ".join(sorted(RULE_REFUSALS))
            raise ValueError(f"rule {self.name!r}: refusal {self.refusal.value!r} is not among {allowed}")
        if self.names_age and (self.minimum_age_years or 0) > (self.maximum_age_years or 150):
            raise ValueError(f"rule {self.name!r}: minimum_age_years is above maximum_age_years")
        return self


def check_names(rules: tuple[RuleSettings, ...]) -> tuple[RuleSettings, ...]:
    """Return the rules after checking their names.

    Raises:
        ValueError: when a name is given twice or belongs to a default rule.
    """
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the rule name {name!r} is given twice")
        if name in RESERVED_NAMES:
            raise ValueError(f"the rule name {name!r} belongs to a default rule")
    return rules
