from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from dicom_gateway.delivery.delivery_rules import DeliveryRule, choose_receivers
from dicom_gateway.delivery.film_conditions import FilmFacts
from dicom_gateway.settings import PeerSettings
from domain.codes import Finding, Priority, Refusal, ReportKind
from tests import checkout

SR, SC, REFUSAL = ReportKind.SR, ReportKind.SC, ReportKind.REFUSAL
SCREENED = FilmFacts(Finding.PRESENT, Priority.HIGH, None, "MODALITY1", "ROOM 4", "DX")
REFUSED = FilmFacts(None, None, Refusal.NOT_CHEST, "MODALITY1", "ROOM 4", "DX")


def peer(name: str = "pacs", **settings: Any) -> PeerSettings:
    return PeerSettings.model_validate({"name": name, "ae_title": "A", "host": "h", "port": 104} | settings)


def kinds(receiver: PeerSettings, facts: FilmFacts = SCREENED) -> set[ReportKind]:
    return {kind for kind, names in choose_receivers([receiver], facts).items() if names}


def test_a_peer_gets_the_sr_of_every_film_unless_it_is_told_otherwise() -> None:
    assert kinds(peer()) == {SR}
    assert kinds(peer(), REFUSED) == set()
    assert kinds(peer(send_reports=False, kinds=["sr", "sc", "refusal"])) == set()


def test_kinds_without_rules_hold_for_every_film() -> None:
    wants_all = peer(kinds=["sr", "sc", "refusal"])

    assert kinds(wants_all) == {SR, SC}
    assert kinds(wants_all, REFUSED) == {REFUSAL}
    assert kinds(peer(kinds=[])) == set()


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"findings": ["present", "undetermined"]}, True),
        ({"findings": ["absent"]}, False),
        ({"priorities": ["HIGH"]}, True),
        ({"priorities": ["LOW", "MEDIUM"]}, False),
        ({"senders": ["modality1"]}, True),
        ({"senders": ["MODALITY?"]}, True),
        ({"senders": ["OTHER", "MODAL*"]}, True),
        ({"senders": ["MODALITY"]}, False),
        ({"stations": ["ROOM*"]}, True),
        ({"stations": ["ROOM"]}, False),
        ({"modalities": ["CR"]}, False),
        ({"modalities": ["CR", "DX"]}, True),
        ({"findings": ["present"], "modalities": ["CR"]}, False),
        ({"refusals": ["not_chest"]}, False),
        ({}, True),
    ],
)
def test_each_condition_of_a_rule_must_hold(rule: dict[str, Any], fits: bool) -> None:
    assert kinds(peer(rules=[rule])) == ({SR} if fits else set())


def test_rules_that_fit_are_added_up() -> None:
    receiver = peer(rules=[{"kinds": ["sr"]}, {"kinds": ["sc"], "findings": ["present"]}])

    assert kinds(receiver) == {SR, SC}
    assert kinds(receiver, FilmFacts(Finding.ABSENT, Priority.LOW, None, "M", None, None)) == {SR}


def test_a_condition_does_not_fit_what_the_film_does_not_say() -> None:
    unknown = FilmFacts(Finding.PRESENT, Priority.HIGH, None, "M", None, None)

    assert kinds(peer(rules=[{"stations": ["ROOM*"]}]), unknown) == set()
    assert kinds(peer(rules=[{"stations": ["*"]}]), unknown) == {SR}


def test_refusals_go_by_their_codes() -> None:
    receiver = peer(
        rules=[{"kinds": ["sr"]}, {"kinds": ["refusal"], "refusals": ["not_chest", "not_frontal"]}]
    )

    assert kinds(receiver, REFUSED) == {REFUSAL}
    assert kinds(receiver) == {SR}
    under_age = FilmFacts(None, None, Refusal.UNDER_AGE, "M", None, None)
    assert kinds(receiver, under_age) == set()
    assert kinds(peer(kinds=["refusal"]), under_age) == {REFUSAL}
    assert kinds(peer(kinds=["refusal"], rules=[{"findings": ["present"]}]), under_age) == set()


@pytest.mark.parametrize("refusal", ["unsupported_sop_class", "excluded_by_rule"])
def test_refusals_of_what_was_never_meant_for_us_go_only_to_who_names_them(refusal: str) -> None:
    facts = FilmFacts(None, None, Refusal(refusal), "M", None, "CT")

    assert kinds(peer(kinds=["refusal"]), facts) == set()
    assert kinds(peer(kinds=["refusal"], rules=[{"refusals": [refusal]}]), facts) == {REFUSAL}


def test_each_kind_has_its_receivers() -> None:
    peers = [peer("a"), peer("b", kinds=["sr", "sc"]), peer("c", kinds=["sc"]), peer("d", send_reports=False)]

    chosen = choose_receivers(peers, SCREENED)

    assert (chosen[SR], chosen[SC], chosen[REFUSAL]) == (["a", "b"], ["b", "c"], [])


@pytest.mark.parametrize(
    "settings",
    [
        {"kinds": ["pdf"]},
        {"rules": [{"finding": ["present"]}]},
        {"rules": [{"findings": ["maybe"]}]},
        {"rules": [{"refusals": ["own_output"]}]},
        {"rules": [{"refusals": ["same_film"]}]},
    ],
)
def test_what_is_no_rule_is_refused_at_start(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        peer(**settings)


def test_a_rule_without_conditions_fits_everything() -> None:
    assert DeliveryRule() == DeliveryRule(kinds=(), findings=(), senders=())
    assert kinds(peer(rules=[{"kinds": ["sc"]}])) == {SC}


def test_the_examples_of_the_documentation_are_settings() -> None:
    text = (checkout.DOCS / "dicom" / "delivery.md").read_text("utf-8")
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    everybody, wards = (PeerSettings.model_validate(entry) for block in blocks for entry in block["peers"])

    assert kinds(everybody) == {SR, SC}
    assert kinds(wards) == {SR, SC}
    assert kinds(wards, FilmFacts(Finding.ABSENT, Priority.LOW, None, "M", None, None)) == {SR}
    undecodable = FilmFacts(None, None, Refusal.UNDECODABLE, "M", "CXR 2", None)
    assert kinds(wards, undecodable) == {REFUSAL}
    assert kinds(wards, REFUSED) == set()
