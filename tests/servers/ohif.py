"""OHIF, the viewer, in a real browser: its built pages from npm, and a proxy to an Orthanc with DICOMweb."""

from __future__ import annotations

import mimetypes
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.servers.chromium import chromium
from tests.servers.missing import find_program, skip_or_fail
from tests.servers.pacs import Orthanc, orthanc

VERSION: Final = "3.13.2"
DICOMWEB_PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
WIDTH, HEIGHT = 1400, 1000

SETTINGS: Final = b"""
window.config = {
  routerBasename: null, extensions: [], modes: [], showStudyList: true, maxNumberOfWebWorkers: 1,
  showCPUFallbackMessage: false, investigationalUseDialog: { option: "never" }, defaultDataSourceName: "pacs",
  dataSources: [{
    namespace: "@ohif/extension-default.dataSourcesModule.dicomweb", sourceName: "pacs",
    configuration: {
      friendlyName: "PACS", name: "pacs", qidoRoot: location.origin + "/dicom-web",
      wadoRoot: location.origin + "/dicom-web", wadoUriRoot: location.origin + "/dicom-web",
      imageRendering: "wadors", thumbnailRendering: "wadors", enableStudyLazyLoad: true,
      qidoSupportsIncludeField: false, supportsFuzzyMatching: false, singlepart: "bulkdata",
    },
  }],
};
"""


def find_pages() -> Path:
    """Return the folder of OHIF's pages, or skip the test."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    pages = cache / "tbscreen-tests" / f"ohif-{VERSION}" / "dist"
    if not (pages / "index.html").is_file():
        if find_program("npm") is None:
            pytest.skip("OHIF is a package of npm, which is not installed")
        skip_or_fail(f"OHIF {VERSION} is not installed (tests/install_viewers.sh)")
    return pages


@contextmanager
def orthanc_with_dicomweb(folder: Path) -> Iterator[Orthanc]:
    """Run an Orthanc that serves DICOMweb."""
    if not DICOMWEB_PLUGIN.is_file():
        skip_or_fail("Orthanc has no DICOMweb (Debian package orthanc-dicomweb)")
    further = {
        "Plugins": [str(DICOMWEB_PLUGIN)],
        "DicomWeb": {"Enable": True, "StudiesMetadata": "Full", "SeriesMetadata": "Full"},
    }
    with orthanc(folder, further=further) as server:
        yield server


@contextmanager
def serving_ohif(service: str, token: str = "") -> Iterator[str]:
    """Serve OHIF and a DICOMweb service from one origin; yields the URL without a slash at its end.

    Args:
        service: URL of the server whose service is at `/dicom-web`.
        token: sent to it with each request; empty for none.
    """
    pages = find_pages()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            file = pages / path.lstrip("/")
            if path.startswith("/dicom-web/"):
                self.forward()
            elif path == "/app-config.js":
                self.answer(200, SETTINGS, "text/javascript")
            elif file.is_file():
                kind = "application/wasm" if file.suffix == ".wasm" else mimetypes.guess_type(file.name)[0]
                self.answer(200, file.read_bytes(), kind or "application/octet-stream")
            else:
                self.answer(200, (pages / "index.html").read_bytes(), "text/html")

        def forward(self) -> None:
            headers = {"Accept": self.headers.get("Accept", "*/*")}
            headers |= {"Authorization": f"Bearer {token}"} if token else {}
            request = urllib.request.Request(f"{service}{self.path}", headers=headers)
            try:
                answer: Any = urllib.request.urlopen(request, timeout=30)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                self.answer(answer.status, answer.read(), answer.headers.get("Content-Type", ""))

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


@contextmanager
def study_in_ohif(url: str, study_instance_uid: str) -> Iterator[Page]:
    """Open a study in OHIF, its first film drawn."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        # The tour through the viewer lies over everything else.
        page.add_init_script("localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']))")
        page.goto(f"{url}/viewer?StudyInstanceUIDs={study_instance_uid}")
        wait_for_film(page)
        yield page


def wait_for_film(page: Page) -> None:
    """Wait until OHIF lists the series and shows the first one, with its window."""
    page.wait_for_selector("[data-cy^=study-browser-thumbnail]", timeout=90_000)
    page.wait_for_selector("canvas.cornerstone-canvas", timeout=90_000)
    page.wait_for_selector("[data-cy=viewport-overlay-bottom-left]:has-text('W:')", timeout=90_000)
