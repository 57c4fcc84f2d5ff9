"""A gateway's storage SCP in this process, without preparation and broker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.database import Database
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.reception.storage_scp import StorageScp
from dicom_gateway.settings import GatewaySettings, PeerSettings
from dicom_gateway.spool import Spool
from tests.dicom_libraries import configured_to_receive


@dataclass(frozen=True)
class Listening:
    """A running one and what it works with."""

    settings: GatewaySettings
    spool: Spool
    scp: StorageScp

    @property
    def ports(self) -> list[int]:
        """TCP ports that are open."""
        return self.scp.ports


@contextmanager
def gateway(
    database: Database,
    folder: Path,
    port: int,
    audit: AuditTrail | None = None,
    peers: Sequence[PeerSettings] = (),
    **changes: Any,
) -> Iterator[Listening]:
    """Run a gateway's storage SCP inside the block; `changes` are further settings."""
    settings = GatewaySettings(**{"host": "127.0.0.1", "port": port, "reserved_disk_bytes": 0, **changes})
    spool = Spool(folder)
    scp = StorageScp(settings, database, spool, received=lambda: None, audit=audit, peers=peers)
    with configured_to_receive(spool.incoming):
        scp.start()
        try:
            yield Listening(settings, spool, scp)
        finally:
            scp.stop()
