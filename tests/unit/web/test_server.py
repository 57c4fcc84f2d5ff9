"""The page over TLS, and what is said when its certificate is of no use."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from db.database import Database
from domain.errors import PermanentError
from http_server import request_deadline
from http_server.request_deadline import DeadlineProtocol
from tests.servers.page import serving_page
from tests.servers.ports import wait_until
from web.application import build_application
from web.server import make_context, make_renewed_context, serve
from web.settings import WebSettings

CERTIFY = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"


def certify(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for localhost and 127.0.0.1, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = ["openssl", *CERTIFY.split(), "-subj", f"/CN={name}", "-addext", names]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    return certify(tmp_path, "first")


@pytest.fixture
def settings(certificate: tuple[Path, Path]) -> WebSettings:
    return WebSettings(port=0, tls_certificate=certificate[0], tls_key=certificate[1])


@pytest.fixture
def encrypted(peopled: Database, settings: WebSettings) -> Iterator[str]:
    context = make_renewed_context(settings)
    application = build_application(peopled, "1", settings)
    with serving_page(application, ssl_context_factory=lambda *_: context) as url:
        yield url


def test_the_page_speaks_tls_of_today_and_secures_its_cookies(
    encrypted: str, certificate: tuple[Path, Path]
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with httpx.Client(verify=trusting, trust_env=False) as client:
        page = client.get(f"{encrypted}/login")
    assert page.status_code == 200
    assert "__Host-tbscreen-form=" in page.headers["set-cookie"]
    assert "Secure" in page.headers["set-cookie"]
    assert page.headers["strict-transport-security"] == "max-age=31536000"

    old = ssl.create_default_context(cafile=str(certificate[0]))
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    host, _, port = encrypted.removeprefix("https://").partition(":")
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        old.wrap_socket(plain, server_hostname="localhost")


def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(
    encrypted: str, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    host, _, port = encrypted.removeprefix("https://").partition(":")

    def fetch() -> str:
        return ssl.get_server_certificate((host, int(port)), timeout=10)

    first = fetch()
    assert first == certificate[0].read_text()
    (tmp_path / "new").mkdir()
    for new, old in zip(certify(tmp_path / "new", "second"), certificate, strict=True):
        new.replace(old)
    second = fetch()
    assert second == certificate[0].read_text() != first
    certificate[0].write_text("half of a certif")
    assert fetch() == second
    certificate[0].unlink()
    assert fetch() == second


def test_a_certificate_of_no_use_is_told(settings: WebSettings, tmp_path: Path) -> None:
    assert settings.tls_certificate is not None
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for certificate, key in (
        (tmp_path / "nowhere.pem", settings.tls_key),
        (settings.tls_certificate, tmp_path / "nowhere.key"),
        (empty, settings.tls_key),
        (settings.tls_certificate, settings.tls_certificate),
    ):
        changed = settings.model_copy(update={"tls_certificate": certificate, "tls_key": key})
        with pytest.raises(PermanentError, match=r"certificate cannot be used .* web\.tls_certificate"):
            make_context(changed)


def test_a_taken_port_is_told(peopled: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = WebSettings(port=taken.getsockname()[1])
        with pytest.raises(PermanentError, match=r"Address already in use.*set web\.port"):
            serve(build_application(peopled, "1", settings), settings, lambda port: None)


def test_a_request_that_does_not_come_in_time_is_cut_off(
    peopled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_deadline, "REQUEST_S", 0.6)
    post = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n"
    get = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with serving_page(build_application(peopled, "1"), http=DeadlineProtocol) as url:
        place = ("127.0.0.1", int(url.rpartition(":")[2]))
        for begin in (b"", b"GET / HT", post, get):
            with socket.create_connection(place, 10) as slow:
                slow.sendall(begin)
                answered = slow.recv(1000) if begin == get else b""
                assert (b"200 OK" in answered) is (begin == get)

                def is_cut_off(slow: socket.socket = slow) -> bool:
                    slow.settimeout(0.1)
                    try:
                        slow.sendall(b"x")
                        return slow.recv(1000) == b""
                    except TimeoutError:
                        return False
                    except OSError:
                        return True

                wait_until(is_cut_off, 10, f"who drips is cut off after {begin!r}")
        assert httpx.get(f"{url}/healthz", trust_env=False).text.strip() == "ok"


@pytest.mark.parametrize("path", ["/login", "/api/v1/studies/1.2.2/reads"])
def test_a_request_whose_body_has_two_lengths_is_refused_and_its_connection_closed(
    peopled: Database, path: str
) -> None:
    """A proxy that counts by Content-Length would pass what follows on as a request of another client."""
    request = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    ).encode()
    with (
        serving_page(build_application(peopled, "1"), http=DeadlineProtocol) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 10) as connection,
    ):
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1, "the rest is no request"


SERVE = """
import sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from web.server import serve
from web.settings import WebSettings

async def tell(request):
    return PlainTextResponse(f"{request.client.host} {request.url.scheme}")

settings = WebSettings(port=0, trusted_proxies=tuple(sys.argv[1:]))
serve(Starlette(routes=[Route("/", tell)]), settings, lambda port: print(port, flush=True))
"""


@pytest.mark.parametrize(
    ("proxies", "forwarded", "told"),
    [
        ([], "203.0.113.9", "127.0.0.1 http"),
        (["127.0.0.1"], "203.0.113.9", "203.0.113.9 https"),
        (["10.0.0.1"], "203.0.113.9", "127.0.0.1 http"),
        (["127.0.0.1"], "198.51.100.7, 203.0.113.9", "203.0.113.9 https"),
        (["127.0.0.1", "192.0.2.0/24"], "198.51.100.7, 203.0.113.9, 192.0.2.5", "203.0.113.9 https"),
    ],
    ids=["none", "named", "another", "client's own addresses before it", "two proxies"],
)
def test_only_a_named_proxy_is_believed(proxies: list[str], forwarded: str, told: str) -> None:
    """A client may send the header, too: the address that counts is the last that no named proxy has."""
    command = [sys.executable, "-c", SERVE, *proxies]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{process.stdout.readline().strip()}/"
            headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
            with httpx.Client(trust_env=False) as client:
                assert client.get(url, headers=headers).text == told
            process.terminate()
            wait_until(lambda: process.poll() is not None, 20, "the page ends")
        finally:
            if process.poll() is None:
                process.kill()
    assert process.returncode in (0, -15)
