"""The reception of a film: its sender is told of success only after the film is durable and recorded."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import structlog
from pynetdicom import evt
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from db.clock import now
from db.database import Database
from db.films import receptions
from db.group_commit import GroupCommit
from dicom_gateway import metrics
from dicom_gateway.association.film_sender import FilmSender, describe_sender
from dicom_gateway.association.statuses import CANNOT_UNDERSTAND, DATASET_MISMATCH, OUT_OF_RESOURCES, SUCCESS
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.canary.canary_reception import CanaryReception
from dicom_gateway.dataset_header import (
    DatasetHeader,
    MismatchError,
    NotUnderstoodError,
    check_identity,
    read_header,
    to_json_model,
)
from dicom_gateway.dataset_limits import DatasetLimits, DiskNearlyFullError, TooLargeError
from dicom_gateway.incoming_dataset import IncomingDataset
from dicom_gateway.reception.film_description import describe_film
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.source_uids import read_uid
from dicom_gateway.spool import Spool, SpooledFile
from domain.film_key import film_key
from domain.film_stage import Stage, shorten_key, stage

CONFLICT: Final = "film of another patient or study under a known SOP Instance UID"

_syncing: Final = ThreadPoolExecutor(16, thread_name_prefix="spool")
"""Threads that wait for the disk."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Arrival:
    """A dataset that has arrived completely, with what its sender said of it."""

    incoming: IncomingDataset | None
    """None when nothing came with the announcement."""
    sop_class_uid: str
    """As announced: by the C-STORE request, or by the file meta information (PS3.10 7.1)."""
    sop_instance_uid: str
    """As announced."""
    sender: FilmSender
    study_instance_uid: str = ""
    """The study to which the film must belong; empty accepts every study."""


class FilmReception:
    """Receives films into a gateway's spool, on associations opened by either side.

    Args:
        settings: the gateway's name and the disk space that it keeps free.
        database: records receptions.
        spool: holds the received datasets.
        received: called after each new film is durable and committed.
        audit: records receptions; None for no audit.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        database: Database,
        spool: Spool,
        received: Callable[[], None],
        audit: AuditTrail | None = None,
    ) -> None:
        self._settings = settings
        self._audit = audit
        self._commits = GroupCommit(database)
        self._spool = spool
        self._received = received
        self._canaries = CanaryReception(settings.name, database, audit)

    @property
    def limits(self) -> DatasetLimits:
        """Limits of a dataset."""
        return DatasetLimits.of(self._settings)

    @property
    def incoming(self) -> Path:
        """Folder for datasets that are being received, on the spool's file system."""
        return self._spool.incoming

    def store(self, event: evt.Event) -> int:
        """Answer one C-STORE request with a status of PS3.4 Table B.2-1."""
        request: Any = event.request
        arrival = Arrival(
            _find_dataset(event),
            str(request.AffectedSOPClassUID),
            str(request.AffectedSOPInstanceUID),
            describe_sender(event.assoc),
        )
        return self.receive(arrival)

    def receive(self, arrival: Arrival) -> int:
        """Make a film durable and record it.

        Returns:
            A status of PS3.4 Table B.2-1; with success, the film is durable and its row committed.
        """
        key, sender = film_key(arrival.sop_instance_uid), arrival.sender
        with (
            metrics.RECEPTION_SECONDS.time(),
            stage("reception", key, sender=sender.ae_title, association=sender.connection) as current,
            bound_contextvars(association=sender.connection),
        ):
            status = self._receive(arrival, current)
            current.note(status=f"0x{status:04X}")
            current.failure = None if status == SUCCESS else f"status 0x{status:04X}"
        return status

    def _receive(self, arrival: Arrival, current: Stage) -> int:
        store_log = log.bind(
            film=shorten_key(film_key(arrival.sop_instance_uid)), sender=arrival.sender.ae_title
        )
        status = self._receive_counted(arrival, current, store_log)
        if status is None:  # a canary film is no film
            return SUCCESS
        metrics.RECEPTIONS.labels(f"0x{status:04X}").inc()
        return status

    def _receive_counted(
        self, arrival: Arrival, current: Stage, store_log: structlog.BoundLogger
    ) -> int | None:
        """Return the status of a film's reception; None for a canary film, which is received."""
        try:
            header, file, reception = self._keep(arrival)
        except NotUnderstoodError as error:
            store_log.warning("dataset not understood", reason=str(error))
            return CANNOT_UNDERSTAND
        except MismatchError as error:
            store_log.warning("dataset does not match its SOP class", reason=str(error))
            return DATASET_MISMATCH
        except DataError as error:
            store_log.error("database cannot store the header: film not taken", error=type(error).__name__)
            return CANNOT_UNDERSTAND
        except TooLargeError:
            # Not CANNOT_UNDERSTAND, which means an unreadable dataset (PS3.4 Table B.2-1).
            store_log.error("dataset larger than gateway.maximum_dataset_bytes: not taken")
            return OUT_OF_RESOURCES
        except DiskNearlyFullError:
            store_log.error("disk nearly full: film not taken")
            return OUT_OF_RESOURCES
        except OSError as error:
            store_log.error("spool cannot be written: film not taken", error=error.strerror)
            return OUT_OF_RESOURCES
        except SQLAlchemyError as error:
            store_log.error("database unavailable: film not taken", error=type(error).__name__)
            return OUT_OF_RESOURCES
        except Exception as error:  # noqa: BLE001  the sender keeps the film and tries again
            store_log.error("reception failed: film not taken", error=type(error).__name__)
            return OUT_OF_RESOURCES
        if reception is None:
            current.note(canary=True)
            store_log.debug("canary film received")
            self._received()
            return None
        metrics.RECEIVED_BYTES.inc(file.byte_size)
        current.note(new=reception.new, revision=reception.revision, bytes=file.byte_size)
        current.is_first = reception.new and reception.revision == 1
        store_log.info("film received", new=reception.new, revision=reception.revision, bytes=file.byte_size)
        if not reception.file_wanted:
            self._spool.discard(file.relative_path)
        self._notify(arrival.sender, header, reception)
        return SUCCESS

    def _keep(self, arrival: Arrival) -> tuple[DatasetHeader, SpooledFile, receptions.Reception | None]:
        """Move the dataset to its place in the spool, and commit its row; None for that of a canary film."""
        requested_at, uid, incoming = now(), arrival.sop_instance_uid, arrival.incoming
        if incoming is None:
            raise NotUnderstoodError("a C-STORE request without dataset")
        if incoming.error is not None:
            raise incoming.error
        if self._spool.free_bytes() < self._settings.reserved_disk_bytes:
            raise DiskNearlyFullError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path = Path(incoming.path)
        header = read_header(path)
        check_identity(header, arrival.sop_class_uid, uid)
        study = arrival.study_instance_uid
        if study and read_uid(header.dataset, "StudyInstanceUID") != study:
            raise MismatchError("the film is not of the study that the request names")
        model = to_json_model(header.dataset)  # while the disk writes the file
        incoming.finish()
        hashed = (incoming.byte_count, incoming.sha256.hexdigest())
        file = self._spool.put(path, uid, header.dataset_offset, hashed)
        synced = _syncing.submit(self._spool.sync, file)
        if self._canaries.take(uid, arrival.sender, header, file, synced):
            return header, file, None
        sender = arrival.sender.ae_title
        film = describe_film(header, model, file, uid, sender, requested_at, self._settings)
        reception = self._commits.write(lambda session: _record(session, film, synced))
        return header, file, reception

    def _notify(self, sender: FilmSender, header: DatasetHeader, reception: receptions.Reception) -> None:
        if reception.new:
            self._received()
        if reception.conflict:
            metrics.CONFLICTS.inc()
            log.warning(
                f"{CONFLICT}: both stand",
                film=shorten_key(film_key(str(header.dataset.SOPInstanceUID))),
                help="tbscreen patients conflicts",
            )
        if self._audit is not None:
            self._audit.record_received(
                sender,
                header.dataset,
                is_new=reception.new,
                revision=1 if reception.conflict else reception.revision,
            )
            if reception.conflict:
                self._audit.record_film_alert(sender, header.dataset, CONFLICT)


def _record(session: Session, film: receptions.ReceivedFilm, synced: Future[None]) -> receptions.Reception:
    """Write the row, and wait until the file's name is durable before the commit."""
    reception = receptions.record_reception(session, film)
    synced.result()
    return reception


def _find_dataset(event: evt.Event) -> IncomingDataset | None:
    """Return the file of the dataset; None for a request without a dataset."""
    stream: Any = event.assoc.dul
    try:
        path = str(event.dataset_path)
    except (AttributeError, TypeError):
        return None
    return cast(IncomingDataset, stream.take_incoming(path))
