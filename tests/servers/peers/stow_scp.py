"""A small DICOMweb server that answers Store requests as told."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydicom import dcmread


@dataclass
class StowScp:
    """Stored objects, and what it answers.

    Attributes:
        url: base URL of its service.
        choose: from the number of the request, from 0, to a status, and a failure reason; reason 0 stores.
        stored: encoded objects by SOP Instance UID, in the order of their requests.
        tokens: Authorization header of each request.
    """

    url: str
    choose: Callable[[int], tuple[int, int]] = lambda number: (200, 0)
    stored: dict[str, list[bytes]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    def take(self, number: int, part10: bytes) -> tuple[int, bytes]:
        """Return the answer to one object."""
        dataset = dcmread(io.BytesIO(part10), stop_before_pixels=True)
        status, reason = self.choose(number)
        uid = str(dataset.SOPInstanceUID)
        item = {
            "00081150": {"vr": "UI", "Value": [str(dataset.SOPClassUID)]},
            "00081155": {"vr": "UI", "Value": [uid]},
        }
        if reason < 0:
            return status, b""
        if reason:
            item["00081197"] = {"vr": "US", "Value": [reason]}  # type: ignore[list-item]
            return status, json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()
        self.stored.setdefault(uid, []).append(part10)
        return status, json.dumps({"00081199": {"vr": "SQ", "Value": [item]}}).encode()


@contextmanager
def stow_scp(choose: Callable[[int], tuple[int, int]] | None = None) -> Iterator[StowScp]:
    """Run a server inside the block."""
    scp = StowScp("") if choose is None else StowScp("", choose)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
            _, part, end = body.split(b"--" + boundary)
            assert end == b"--\r\n"
            scp.tokens.append(self.headers.get("Authorization", ""))
            content = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            status, answer = scp.take(len(scp.tokens) - 1, content)
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scp.url = f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield scp
    finally:
        server.shutdown()
        server.server_close()
