"""The IHE Integration Statement (IHE General Introduction, Appendix F) and its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dicom_gateway.conformance.ai_results import AIR
from dicom_gateway.conformance.capabilities import Capabilities, find_capabilities
from dicom_gateway.conformance.ihe_profiles import ACTORS, AIWI, OTHERS, TASK_MANAGER
from dicom_gateway.conformance.markdown import write_table
from dicom_gateway.conformance.requirements import Actor, Requirement
from dicom_gateway.settings import CourierSettings, GatewaySettings

DATE: Final = "2026-11-29"
"""Day on which the tables of `ihe_profiles` were last compared with the code."""

COLUMNS: Final = ("requirement", "asks", "tbscreen", "gap")


def write_integration_statement(
    gateway: GatewaySettings, courier: CourierSettings, software_version: str
) -> str:
    """Return statement and tables as Markdown.

    Args:
        gateway: services of the acceptor.
        courier: SOP class and codes of the reports.
        software_version: version of tbscreen.
    """
    facts = find_capabilities(gateway, courier, software_version)
    chapters = [_write_statement(facts, ACTORS, software_version), *_write_tables(facts)]
    return "\n\n".join(chapters) + "\n"


def _write_statement(facts: Capabilities, actors: Iterable[Actor], software_version: str) -> str:
    return f"""\
# IHE

Made by `tbscreen conformance --ihe` of the same tables and sample objects as the
[DICOM Conformance Statement](conformance-statement.md).

## IHE Integration Statement

| | |
|---|---|
| vendor | the tbscreen project |
| product | tbscreen, research software, not a medical device |
| version | {software_version} |
| date | {DATE} |

{write_claims(facts, actors)}

Links: [DICOM Conformance Statement](conformance-statement.md), [HL7 v2 profile](../hl7/README.md),
[IHE Technical Frameworks](https://www.ihe.net/resources/technical_frameworks/).
No Connectathon was attended."""


def write_claims(facts: Capabilities, actors: Iterable[Actor]) -> str:
    """Return the claimed actors, then the others with the reason.

    Args:
        facts: services and a sample report.
        actors: actors of which tbscreen does at least a part.
    """
    claimed: list[tuple[str, ...]] = []
    others: list[tuple[str, ...]] = []
    for actor in actors:
        name = (actor.profile, actor.name)
        if actor.is_claimed(facts):
            claimed.append((*name, "none"))
        else:
            others.append((*name, _explain(actor, facts)))
    claims = "This product claims no actor of an IHE profile."
    if claimed:
        claims = (
            "This product implements all transactions required in the IHE Technical Frameworks to support\n"
            "the profiles, actors and options listed below.\n\n"
            + write_table(("profile", "actor", "options"), claimed)
        )
    parts = [claims]
    if others:
        rule = (
            "Not claimed. An actor is claimed when it has no gap and its rows were compared with the\n"
            "text of the profile line by line:"
        )
        parts += [rule, write_table(("profile", "actor", "why not"), others)]
    return "\n\n".join(parts)


def _explain(actor: Actor, facts: Capabilities) -> str:
    gaps = len(actor.list_gaps(facts))
    counted = {0: "no known gap", 1: "1 gap"}.get(gaps, f"{gaps} gaps")
    reasons = [f"[{counted}](#{_anchor(actor)})"]
    if not actor.compared:
        reasons.append("not compared")
    return "; ".join(reasons)


def _anchor(actor: Actor) -> str:
    if actor in OTHERS:
        return "other-profiles"
    return "air" if actor is AIR else "aiw-i"


def _write_tables(facts: Capabilities) -> list[str]:
    parts = [
        f"""\
## AIR

{AIR.profile}, {AIR.edition}: actor {AIR.name}. The requirements are
those that IHE's descriptions of the profile, its Connectathon tests and published implementations name; the
list may lack some. A creator encodes the kinds of result that it has; the others are optional. Display of
results ([RAD-136]) is asked of another actor, the Image Display: [viewers](viewers.md) tells of foreign
displays, and our own page shows our own results only.""",
        _write_requirements(AIR, facts),
        f"""\
## AIW-I

{AIWI.profile}, {AIWI.edition}. tbscreen
has no worklist of tasks: it screens what it receives or pulls. A Task Manager reaches it only by having films
sent, and learns of results from the archive.""",
    ]
    for actor in (AIWI, TASK_MANAGER):
        parts += [f"Actor {actor.name}:", _write_requirements(actor, facts)]
    parts += ["## Other profiles", "Transactions of which tbscreen does a part; the lists are not complete."]
    rows = [
        (f"{actor.profile}, {actor.name} ({actor.edition})", *_write_row(requirement, facts))
        for actor in OTHERS
        for requirement in actor.requirements
    ]
    return [*parts, write_table(("actor", *COLUMNS), rows)]


def _write_requirements(actor: Actor, facts: Capabilities) -> str:
    return write_table(COLUMNS, [_write_row(requirement, facts) for requirement in actor.requirements])


def _write_row(requirement: Requirement, facts: Capabilities) -> tuple[str, str, str, str]:
    gap = "none" if requirement.is_met(facts) else requirement.gap
    if gap != "none" and requirement.optional:
        gap = f"optional: {gap}"
    return requirement.reference, requirement.asked, requirement.done, gap
