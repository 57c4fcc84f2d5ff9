"""The lines that `serve` prints when the service is ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicom_gateway.settings import GatewaySettings
from tbscreen.commands.processes import name_ports

TLS: dict[str, Any] = {"certificate": Path("own.pem"), "key": Path("own.key"), "ca": Path("ca.pem")}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "11112"),
        ({"tls": {**TLS, "port": 2762}}, "11112 and 2762 (TLS)"),
        ({"tls": {**TLS, "port": 2762}, "accept_plain": False}, "2762 (TLS)"),
        ({"tls": {**TLS, "port": 0}}, "11112 and any free one (TLS)"),
    ],
)
def test_the_banner_names_the_port_with_tls(given: dict[str, Any], named: str) -> None:
    assert name_ports(GatewaySettings(**given), 11112) == named
