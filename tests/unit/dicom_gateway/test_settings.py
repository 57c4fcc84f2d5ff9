from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dicom_gateway.settings import CourierSettings, GatewaySettings, PeerSettings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("A", "A"),
        ("TBSCREEN", "TBSCREEN"),
        ("ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOP"),
        ("  PACS  ", "PACS"),
        ("pacs_1-A.b", "pacs_1-A.b"),
        ("MY PACS", "MY PACS"),
        ("~!@#$%^&*()[]", "~!@#$%^&*()[]"),
    ],
)
def test_ae_title_is_taken_without_the_blanks_around_it(given: str, kept: str) -> None:
    assert GatewaySettings(ae_title=given).ae_title == kept
    assert CourierSettings(ae_title=given).ae_title == kept
    assert _peer(ae_title=given).ae_title == kept
    assert GatewaySettings(allowed_calling_ae_titles=(given,)).allowed_calling_ae_titles == (kept,)
    assert GatewaySettings(excluded_calling_ae_titles=(given,)).excluded_calling_ae_titles == (kept,)


@pytest.mark.parametrize(
    "title",
    [
        "",
        " ",
        " " * 16,
        "ABCDEFGHIJKLMNOPQ",
        "A\\B",
        "A\nB",
        "A\tB",
        "TBSCREEN\n",
        "A\0",
        "\x7f",
        "Ä",
        "放射線科",
        "A\u200b",
    ],
    ids=ascii,
)
def test_what_is_no_ae_title_is_refused_wherever_one_is_set(title: str) -> None:
    fields: list[tuple[type[Any], dict[str, Any]]] = [
        (GatewaySettings, {"ae_title": title}),
        (GatewaySettings, {"allowed_calling_ae_titles": ("GOOD", title)}),
        (GatewaySettings, {"excluded_calling_ae_titles": (title,)}),
        (CourierSettings, {"ae_title": title}),
        (PeerSettings, {"name": "pacs", "ae_title": title, "host": "pacs", "port": 104}),
    ]
    for settings, values in fields:
        with pytest.raises(ValidationError, match="16 printable ASCII"):
            settings(**values)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_peer_has_a_port_that_can_be_called(port: int) -> None:
    with pytest.raises(ValidationError):
        _peer(port=port)


def test_gateway_may_take_any_free_port() -> None:
    assert GatewaySettings(port=0).port == 0


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "x" * 65])
def test_peer_has_a_name_that_fits_into_a_command(name: str) -> None:
    with pytest.raises(ValidationError):
        _peer(name=name)


@pytest.mark.parametrize("settings", [GatewaySettings, CourierSettings])
def test_misspelt_setting_is_refused(settings: type[Any]) -> None:
    with pytest.raises(ValidationError):
        settings(ae_titel="PACS")


def test_settings_do_not_change_while_they_are_used() -> None:
    with pytest.raises(ValidationError):
        GatewaySettings().port = 104  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value"), [("sr_sop_class", "basic"), ("finding_code", "icd"), ("procedure_reported", "")]
)
def test_report_settings_are_those_that_exist(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        CourierSettings(**{field: value})  # type: ignore[arg-type]


def _peer(**values: Any) -> PeerSettings:
    return PeerSettings(**({"name": "pacs", "ae_title": "PACS", "host": "pacs", "port": 104} | values))
