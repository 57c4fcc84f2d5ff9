"""The installation of this host, for `web.administration`."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

import psutil

from db.database import Database
from db.erasure.erasures import ErasureEntry
from dicom_gateway.audit.audit_message import EventId
from dicom_gateway.audit.audit_reading import AuditRecord, read_newest
from dicom_gateway.audit.audit_settings import audit_directory
from tbscreen.administration import local_erasures
from tbscreen.administration.local_models import LocalModels
from tbscreen.administration.settings_in_force import list_settings
from tbscreen.calibration_study.local_studies import LocalStudies
from tbscreen.doctor.check import Check
from tbscreen.processes.process_records import find_recorded
from tbscreen.settings import Settings
from web.administration.installation import RunningProcess, SettingInForce, SpoolUse


class LocalInstallation:
    """A `web.administration.installation.Installation`.

    The doctor, DICOM libraries and the like are imported when they are first needed: a page that nobody
    administers does without them.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self._database = database
        self.models = LocalModels(settings, database)
        self.studies = LocalStudies(settings, database)
        self.host = socket.gethostname()
        self.peers = [peer.name for peer in settings.peers]
        self.receivers = [receiver.name for receiver in settings.hl7.receivers]
        self.notice_receivers = list(settings.notices.receivers)
        self.audit_events = sorted(event.value[1] for event in EventId)

    def erase_patient(self, patient_id: str, issuer: str | None, by: str, reason: str) -> ErasureEntry:
        """Erase everything about a patient, as `tbscreen patients erase` does."""
        return local_erasures.erase_patient(self.settings, self._database, patient_id, issuer, by, reason)

    def examine(self) -> Sequence[Check]:
        """Check every part, as `tbscreen doctor` does."""
        from tbscreen.doctor.examination import examine

        return list(examine(self.settings))

    def list_processes(self) -> Sequence[RunningProcess]:
        """Return the processes that `tbscreen serve` started on this host."""
        found = []
        for name, _, process in find_recorded(self.settings.data_directory.resolve() / "run"):
            with contextlib.suppress(psutil.Error):  # it ends just now
                since = datetime.fromtimestamp(process.create_time(), UTC)
                memory = process.memory_info().rss
                found.append(RunningProcess(name, process.pid, since, memory))
        return found

    def measure_spool(self) -> SpoolUse | None:
        """Return the disk of the spool; None where this host has no data directory."""
        directory = self.settings.data_directory
        if not directory.is_dir():
            return None
        return SpoolUse(shutil.disk_usage(directory).free, self.settings.gateway.reserved_disk_bytes)

    def summarize(self, part10: bytes) -> Sequence[str]:
        """Return what a DICOM object says, as `tbscreen deliveries show` does."""
        from dicom_gateway.results.object_summary import summarize

        return summarize(part10)

    def read_audit(self, limit: int, who: str, event: str) -> Sequence[AuditRecord]:
        """Return the newest audit records in the files of this host."""
        return read_newest(audit_directory(self.settings.data_directory), limit, who, event)

    def list_settings(self) -> Sequence[SettingInForce]:
        """Return every setting of this process."""
        return list_settings(self.settings)
