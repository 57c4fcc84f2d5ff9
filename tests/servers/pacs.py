"""Real PACS software as separate processes on free ports: Orthanc, and DCMTK's storescp and storescu."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from tests.servers.missing import find_program, skip_or_fail
from tests.servers.ports import free_port, is_listening, wait_until

# pynetdicom's console scripts of the same names come first on the path of a virtual environment.
DCMTK = Path("/usr/bin")


def need(program: str, package: str) -> str:
    """Return a program's full path, or skip the test and say what is missing."""
    found = find_program(program, folders=(DCMTK, Path("/usr/sbin"), Path("/usr/local/bin")))
    if found is None:
        skip_or_fail(f"{program} is not installed (Debian package {package})")
    return found


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    ae_title: str
    dicom_port: int
    http_port: int
    process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=30)

    def get(self, path: str) -> Any:
        """GET a REST resource as JSON."""
        return self._request(path, None)

    def post(self, path: str, body: object) -> Any:
        """POST JSON, or bytes as they are."""
        return self._request(path, body if isinstance(body, bytes) else json.dumps(body).encode())

    def delete(self, path: str) -> None:
        """DELETE a REST resource."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()

    def find(self, level: str, query: dict[str, str]) -> list[str]:
        """Return Orthanc's ids of what matches."""
        found: list[str] = self.post("/tools/find", {"Level": level, "Query": query})
        return found

    def peer_toml(self) -> str:
        """Return this Orthanc as a `[[peers]]` table."""
        return peer_toml("orthanc", self.ae_title, self.dicom_port)

    def _request(self, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data=body)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read() or b"null")


def orthanc_settings(server: Orthanc, folder: Path) -> dict[str, Any]:
    """Return the settings of an Orthanc that keeps what it has in `folder`, and serves this machine alone."""
    return {
        "Name": "tbscreen test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": server.ae_title,
        "DicomPort": server.dicom_port,
        "HttpPort": server.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False,
        "Plugins": [],
        "StorageCompression": False,
    }


DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def dicomweb_plugin(**servers: object) -> dict[str, Any]:
    """Return the settings of an Orthanc with the DICOMweb plugin, and the servers that it knows by name."""
    if not DICOMWEB_PLUGIN.exists():
        skip_or_fail(f"{DICOMWEB_PLUGIN} is not there (Debian package orthanc-dicomweb)")
    return {"Plugins": [str(DICOMWEB_PLUGIN)], "DicomWeb": {"Enable": True, "Servers": servers}}


@contextmanager
def orthanc(
    folder: Path,
    gateway_port: int | None = None,
    *,
    route: bool = True,
    further: dict[str, Any] | None = None,
    dicom_port: int | None = None,
) -> Iterator[Orthanc]:
    """Run an Orthanc that knows the gateway at `gateway_port`; with `route` it sends it what it stores.

    Args:
        folder: what it keeps; started again there, it has what it had.
        gateway_port: of the gateway.
        route: whether it sends what it stores.
        further: settings that come on top of those here.
        dicom_port: where it listens; a free port by default.
    """
    program = need("Orthanc", "orthanc")
    server = Orthanc("ORTHANC", dicom_port or free_port(), free_port())
    folder.mkdir(parents=True, exist_ok=True)
    settings = orthanc_settings(server, folder)
    if gateway_port is not None:
        settings["DicomModalities"] = {"tbscreen": ["TBSCREEN", "127.0.0.1", gateway_port]}
    if gateway_port is not None and route:
        script = folder / "route.lua"
        script.write_text(
            "function OnStoredInstance(instance, tags, metadata, origin)\n"
            "  SendToModality(instance, 'tbscreen')\n"
            "end\n"
        )
        settings["LuaScripts"] = [str(script)]
    (folder / "orthanc.json").write_text(json.dumps(settings | (further or {})))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "orthanc.log").read_text()
            try:
                return bool(server.get("/system"))
            except (urllib.error.URLError, OSError):
                return False

        wait_until(answers, 60, "Orthanc answers")
        yield replace(server, process=process)
    finally:
        process.terminate()
        process.wait(timeout=30)


@dataclass
class StoreScp:
    """A DCMTK storescp and the folder that it writes into."""

    ae_title: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def files(self) -> list[Path]:
        """Return the files that were received and that storescp does not write to any more."""
        found = sorted(path for path in self.folder.iterdir() if path.is_file())
        try:
            opened = {Path(file.path) for file in psutil.Process(self.process.pid).open_files()}
        except psutil.NoSuchProcess:
            opened = set()
        return [path for path in found if path.resolve() not in opened]

    def peer_toml(self) -> str:
        """Return this storescp as a `[[peers]]` table."""
        return peer_toml("storescp", self.ae_title, self.port)


@contextmanager
def storescp(folder: Path, port: int | None = None, *options: str) -> Iterator[StoreScp]:
    """Run DCMTK's storescp; with `options` it misbehaves as they say."""
    program = need("storescp", "dcmtk")
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    process = subprocess.Popen(
        [
            program,
            *options,
            "--aetitle",
            "STORESCP",
            "--output-directory",
            str(folder),
            str(port),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = StoreScp("STORESCP", port, folder, process)
    try:
        if options:
            wait_until(lambda: is_listening(server.port), 30, "storescp listens")
        else:
            wait_until(lambda: echo(server.port, server.ae_title), 30, "storescp answers C-ECHO")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def echo(port: int, ae_title: str, *options: str) -> bool:
    """C-ECHO by DCMTK's echoscu; True when it succeeds."""
    command = [need("echoscu", "dcmtk"), *options, "-aec", ae_title, "127.0.0.1", str(port)]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def store(
    port: int, *files: Path, ae_title: str = "TBSCREEN", options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """C-STORE by DCMTK's storescu; the caller judges the result."""
    command = [need("storescu", "dcmtk"), "-v", "--propose-lossless", "-aet", "MODALITY", "-aec", ae_title]
    command += [*options, "127.0.0.1", str(port), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


PRIVATE_SCHEME_LINE = (
    "Warning - Unrecognized defined term <99TBSCREEN> for value 1 of attribute <Coding Scheme Designator>"
)
"""The line of dciodvfy about each private coding scheme (PS3.16 8.2) that it does not list."""


DEVICE_UID_LINES = frozenset(
    {
        "Warning - Attribute is not present in standard DICOM IOD - (0x0018,0x1002) UI Device UID",
        "Warning - Dicom dataset contains attributes not present in standard DICOM IOD - this is a Standard "
        "Extended SOP Class",
    }
)
"""Lines of Debian's dciodvfy about an attribute of Contributing Equipment (PS3.3 Table C.12-1) that it does
not know yet."""


def validate(path: Path) -> set[str]:
    """Return what dciodvfy says of a file: its lines, the name of the IOD and `DEVICE_UID_LINES` aside."""
    command = [need("dciodvfy", "dicom3tools"), str(path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = (said.stdout + said.stderr).splitlines()
    said_of_it = {line.strip() for line in lines if line.startswith(("Error", "Warning", "Abort"))}
    return said_of_it - DEVICE_UID_LINES if said_of_it >= DEVICE_UID_LINES else said_of_it


def peer_toml(name: str, ae_title: str, port: int) -> str:
    """Return a `[[peers]]` table."""
    return f'[[peers]]\nname = "{name}"\nae_title = "{ae_title}"\nhost = "127.0.0.1"\nport = {port}\n\n'
