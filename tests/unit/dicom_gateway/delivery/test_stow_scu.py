"""Peers that answer a Store request with anything but an answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dicom_gateway.association.web_connection import LARGEST_ANSWER, NoAnswerError, WebConnection
from dicom_gateway.settings import PeerProtocol, PeerSettings

Reply = Callable[[socket.socket, threading.Event], None]


@contextmanager
def answering(reply: Reply) -> Iterator[str]:
    """Run a server that takes connections and calls `reply` for each; yields its URL."""
    ending = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=run, args=(connection,), daemon=True).start()

        def run(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                reply(connection, ending)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/dicom-web"
        finally:
            ending.set()


def ask(url: str, timeout_s: float = 5.0, token_file: Path | None = None) -> tuple[int, bytes]:
    peer = PeerSettings(name="web", protocol=PeerProtocol.DICOMWEB, url=url, token_file=token_file)
    connection = WebConnection(peer, timeout_s)
    try:
        answer = connection.ask("POST", "/studies", b"body", {})
        return answer.status, answer.body
    finally:
        connection.close()


def test_an_answer_without_end_is_cut_off() -> None:
    def drip(connection: socket.socket, ending: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not ending.wait(0.05):
            connection.sendall(b" ")

    with answering(drip) as url, pytest.raises(NoAnswerError):
        ask(url, timeout_s=0.4)


def test_an_answer_that_is_too_large_is_not_read() -> None:
    def flood(connection: socket.socket, ending: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not ending.is_set():
            connection.sendall(bytes(65536))

    with answering(flood) as url:
        status, body = ask(url)
    assert (status, len(body)) == (200, LARGEST_ANSWER)


@pytest.mark.parametrize("answer", [b"", b"\x16\x03\x01", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_does_not_speak_http_is_named(answer: bytes) -> None:
    def reply(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with answering(reply) as url, pytest.raises(NoAnswerError, match=r"127\.0\.0\.1"):
        ask(url)


def test_a_redirection_is_not_followed_with_our_token(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("secret-word")
    asked: list[bytes] = []

    def listen(connection: socket.socket, _: threading.Event) -> None:
        asked.append(connection.recv(65536))

    with answering(listen) as elsewhere:

        def redirect(connection: socket.socket, _: threading.Event) -> None:
            assert b"Bearer secret-word" in connection.recv(65536)
            head = f"HTTP/1.1 307 Elsewhere\r\nLocation: {elsewhere}/studies\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode())

        with answering(redirect) as url:
            assert ask(url, token_file=token_file)[0] == 307
    assert asked == []


def test_a_connection_that_the_peer_closed_while_idle_is_opened_again() -> None:
    requests: list[bytes] = []

    def once(connection: socket.socket, _: threading.Event) -> None:
        requests.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with answering(once) as url:
        peer = PeerSettings(name="web", protocol=PeerProtocol.DICOMWEB, url=url)
        connection = WebConnection(peer, 5.0)
        for _ in range(3):
            assert connection.ask("POST", "/studies", b"body", {}).status == 200
        connection.close()
    assert len(requests) == 3


def test_a_token_file_of_no_use_is_named(tmp_path: Path) -> None:
    for content in ("", "two\nlines"):
        (tmp_path / "token").write_text(content)
        with pytest.raises(NoAnswerError, match=r"peers\.token_file.*one line"):
            ask("http://127.0.0.1:1/dicom-web", token_file=tmp_path / "token")
    with pytest.raises(NoAnswerError, match="cannot be read"):
        ask("http://127.0.0.1:1/dicom-web", token_file=tmp_path / "nowhere")
