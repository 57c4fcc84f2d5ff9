"""DCMTK's dcmqrscp: a PACS that is asked by C-FIND, C-GET and C-MOVE, on a free port."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.pacs import echo, need, store
from tests.servers.ports import free_port, wait_until

AE_TITLE = "ARCHIVE"


@contextmanager
def archive(folder: Path, destination_port: int | None, *films: Path) -> Iterator[int]:
    """Run a dcmqrscp that holds `films` and knows TBSCREEN at `destination_port`, if any; yields its port."""
    storage = folder / "storage"
    storage.mkdir(parents=True)
    port = free_port()
    host = f"here = (TBSCREEN, 127.0.0.1, {destination_port})\n" if destination_port else ""
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(f"""\
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
{host}HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{AE_TITLE} {storage} RW (200, 1024mb) ANY
AETable END
""")
    command = [need("dcmqrscp", "dcmtk"), "--config", str(configuration)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: echo(port, AE_TITLE), 30, "dcmqrscp answers C-ECHO")
        stored = store(port, *films, ae_title=AE_TITLE)
        assert stored.returncode == 0, stored.stderr
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)
