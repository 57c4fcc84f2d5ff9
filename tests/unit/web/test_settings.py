"""Addresses and certificates with which the page may be served."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from web.settings import WebSettings

CERTIFICATE = {"tls_certificate": Path("cert.pem"), "tls_key": Path("key.pem")}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.53"])
def test_this_machine_is_allowed(host: str) -> None:
    settings = WebSettings(host=host)
    assert (settings.host, settings.scheme) == (host, "http")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "10.0.0.1", "2001:db8::1"])
def test_an_address_that_others_reach_needs_a_certificate_or_a_word(host: str) -> None:
    with pytest.raises(ValidationError, match="without tls_certificate and tls_key"):
        WebSettings(host=host)
    names = ("tb.hospital.example",)
    assert WebSettings(host=host, names=names, **CERTIFICATE).scheme == "https"
    assert WebSettings(host=host, names=names, allow_unencrypted=True).scheme == "http"


def test_every_address_at_once_needs_names() -> None:
    with pytest.raises(ValidationError, match="names lists the host names"):
        WebSettings(host="0.0.0.0", **CERTIFICATE)


def test_the_names_served_are_this_machine_s_the_host_and_those_given() -> None:
    served = WebSettings(host="2001:db8::1", names=("tb.example",), **CERTIFICATE).served_names
    assert {"127.0.0.1", "localhost", "[::1]", "[2001:db8::1]", "tb.example"} <= set(served)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"host": ""}, "does not appear to be"),
        ({"host": "hospital.example"}, "does not appear to be"),
        ({"host": "*"}, "does not appear to be"),
        ({"port": -1}, "port"),
        ({"port": 65536}, "port"),
        ({"tls_key": Path("key.pem")}, "go together"),
        ({"tls_certificate": Path("cert.pem")}, "go together"),
        ({"names": ("*",)}, "not a host name"),
        ({"names": ("tb.example:8443",)}, "not a host name"),
        ({"trusted_proxies": ("proxy",)}, "does not appear to be"),
        ({"session_idle_minutes": 0}, "greater than 0"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        WebSettings(**values)  # type: ignore[arg-type]
