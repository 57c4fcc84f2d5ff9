"""The IHE Integration Statement in docs/ is current, and claims nothing that is not done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace

import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from dicom_gateway.conformance import capabilities
from dicom_gateway.conformance.ai_results import AIR
from dicom_gateway.conformance.capabilities import Capabilities, find_capabilities
from dicom_gateway.conformance.ihe_profiles import ACTORS, AIWI
from dicom_gateway.conformance.integration_statement import write_claims, write_integration_statement
from dicom_gateway.conformance.requirements import Actor, Requirement, always, never
from dicom_gateway.settings import CourierSettings, GatewaySettings
from tbscreen import __version__
from tbscreen.cli import app
from tests import checkout

DOCUMENT = checkout.DOCS / "dicom" / "ihe.md"
CONDITIONS = {row.is_met for actor in ACTORS for row in actor.requirements}


@pytest.fixture(scope="module")
def facts() -> Capabilities:
    return find_capabilities(GatewaySettings(), CourierSettings(), __version__)


def make_actor(*, compared: bool, is_met: Callable[[Capabilities], bool], optional: bool = False) -> Actor:
    row = Requirement("[RAD-0]", "asked", is_met, "done", "missing", optional)
    return Actor("Profile (P)", "Creator", "Rev. 1", (row,), compared)


def list_items(container: Dataset) -> Iterator[Dataset]:
    for item in container.get("ContentSequence", ()):
        yield item
        yield from list_items(item)


def drop(facts: Capabilities, *concepts: str) -> Capabilities:
    """Return the facts with a report without the items of these concepts."""
    report = deepcopy(facts.report)
    for container in [report, *list_items(report)]:
        if "ContentSequence" in container:
            container.ContentSequence = [
                item
                for item in container.ContentSequence
                if "ConceptNameCodeSequence" not in item
                or item.ConceptNameCodeSequence[0].get("CodeValue") not in concepts
            ]
    return replace(facts, report=report)


def change(facts: Capabilities, edit: Callable[[Dataset], object]) -> Capabilities:
    report = deepcopy(facts.report)
    edit(report)
    return replace(facts, report=report)


def test_the_document_is_current() -> None:
    statement = write_integration_statement(GatewaySettings(), CourierSettings(), __version__)
    assert DOCUMENT.read_text("utf-8") == statement, "run: tbscreen conformance --ihe > docs/dicom/ihe.md"


def test_the_command_prints_it() -> None:
    run = CliRunner().invoke(app, ["conformance", "--ihe"])
    assert run.exit_code == 0
    assert run.output.startswith("# IHE\n")
    assert f"| version | {__version__} |" in run.output


@pytest.mark.parametrize(
    ("actor", "claimed"),
    [
        (make_actor(compared=True, is_met=always), True),
        (make_actor(compared=True, is_met=never), False),
        (make_actor(compared=True, is_met=never, optional=True), True),
        (make_actor(compared=False, is_met=always), False),
    ],
)
def test_an_actor_is_claimed_without_gap_and_after_a_comparison(
    facts: Capabilities, actor: Actor, claimed: bool
) -> None:
    claims, _, rest = write_claims(facts, [actor]).partition("Not claimed")
    row = "| Profile (P) | Creator |"
    assert (row in claims, row in rest) == (claimed, not claimed)
    assert ("This product implements all transactions" in claims) is claimed
    assert ("claims no actor" in claims) is not claimed


def test_a_gap_of_the_site_s_own_settings_is_told() -> None:
    courier = CourierSettings(sr_sop_class="comprehensive")
    usual = find_capabilities(GatewaySettings(), CourierSettings(), "9")
    own = find_capabilities(GatewaySettings(), courier, "9")
    added = [row for row in AIR.list_gaps(own) if row not in AIR.list_gaps(usual)]
    assert [row.is_met for row in added] == [capabilities.is_measurement_report]
    assert "is a Comprehensive SR |" in write_integration_statement(GatewaySettings(), courier, "9")


def test_the_gaps_are_those_that_are_known(facts: Capabilities) -> None:
    assert [row.is_met for row in AIR.list_gaps(facts)] == [capabilities.has_no_point]
    assert len(AIWI.list_gaps(facts)) == 6


def make_facts_without(facts: Capabilities) -> dict[Callable[[Capabilities], bool], Capabilities]:
    """Return facts under which each condition on reports and services fails."""
    nothing = replace(facts, sent=frozenset(), called=frozenset(), provided=frozenset())
    return {
        capabilities.asks_for_commitment: nothing,
        capabilities.answers_step_queries: nothing,
        capabilities.is_measurement_report: change(
            facts, lambda report: setattr(report.ContentTemplateSequence[0], "TemplateIdentifier", "2000")
        ),
        capabilities.names_procedure: drop(facts, "121058"),
        capabilities.states_finding: drop(facts, "TBCXR"),
        capabilities.measures_in_units: drop(facts, "111012", "122411", "TBPEAKHEAT"),
        capabilities.outlines_regions: drop(facts, "111030"),
        capabilities.tracks_all_groups: drop(facts, "112040"),
        capabilities.refers_to_film: drop(facts, "111028", "126010"),
        capabilities.lists_algorithm_as_equipment: change(
            facts, lambda report: delattr(report, "ContributingEquipmentSequence")
        ),
        capabilities.is_in_study_of_film: change(
            facts, lambda report: setattr(report, "StudyInstanceUID", "2.25.9")
        ),
    }


def test_each_condition_that_is_met_fails_without_its_fact(facts: Capabilities) -> None:
    for condition, without in make_facts_without(facts).items():
        assert condition(facts), condition
        assert not condition(without), condition
        assert condition in CONDITIONS
