"""There is no login yet, so the page is served to this machine alone."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from web.settings import WebSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_is_allowed(host: str) -> None:
    assert WebSettings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "10.0.0.1", "2001:db8::1"])
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="the page has no login yet"):
        WebSettings(host=host)


@pytest.mark.parametrize("host", ["", "hospital.example", "127.0.0.1.example", "*"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="host"):
        WebSettings(host=host)


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ValidationError, match="port"):
        WebSettings(port=port)
