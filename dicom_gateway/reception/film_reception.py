"""The reception of a film: C-STORE succeeds only after the film is durable and recorded."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
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
from db.retrying import write_again
from dicom_gateway import metrics
from dicom_gateway.association.association_identity import identify, name_sender
from dicom_gateway.association.film_stream import IncomingDataset
from dicom_gateway.association.statuses import CANNOT_UNDERSTAND, DATASET_MISMATCH, OUT_OF_RESOURCES, SUCCESS
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.dataset_header import (
    DatasetHeader,
    MismatchError,
    NotUnderstoodError,
    check_identity,
    read_header,
    to_json_model,
)
from dicom_gateway.dataset_limits import DatasetLimits, DiskNearlyFullError, TooLargeError
from dicom_gateway.reception.film_description import describe_film
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.film_key import film_key
from domain.film_stage import Stage, shorten_key, stage

_syncing: Final = ThreadPoolExecutor(16, thread_name_prefix="spool")
"""Threads that wait for the disk."""

log = structlog.get_logger(__name__)


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
        self._database = database
        self._spool = spool
        self._received = received

    @property
    def limits(self) -> DatasetLimits:
        """Limits of a dataset."""
        return DatasetLimits.of(self._settings)

    def store(self, event: evt.Event) -> int:
        """Answer one C-STORE request with a status of PS3.4 Table B.2-1."""
        association, sender = event.assoc, name_sender(event.assoc)
        request: Any = event.request
        key = film_key(str(request.AffectedSOPInstanceUID))
        with (
            metrics.RECEPTION_SECONDS.time(),
            stage("reception", key, sender=sender, association=identify(association)) as current,
            bound_contextvars(association=identify(association)),
        ):
            status = self._store(event, sender, current)
            current.note(status=f"0x{status:04X}")
            current.failure = None if status == SUCCESS else f"status 0x{status:04X}"
        metrics.RECEPTIONS.labels(f"0x{status:04X}").inc()
        return status

    def _store(self, event: evt.Event, sender: str, current: Stage) -> int:
        requested_at = now()
        request: Any = event.request
        sop_instance_uid = str(request.AffectedSOPInstanceUID)
        store_log = log.bind(film=shorten_key(film_key(sop_instance_uid)), sender=sender)
        try:
            incoming = _find_dataset(event)
            path = Path(incoming.path)
            if incoming.error is not None:
                raise incoming.error
            if self._spool.free_bytes() < self._settings.reserved_disk_bytes:
                raise DiskNearlyFullError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            header = read_header(path)
            check_identity(header, str(request.AffectedSOPClassUID), sop_instance_uid)
            model = to_json_model(header.dataset)  # while the disk writes the file
            incoming.finish()
            hashed = (incoming.byte_count, incoming.sha256.hexdigest())
            file = self._spool.put(path, sop_instance_uid, header.dataset_offset, hashed)
            synced = _syncing.submit(self._spool.sync, file)
            film = describe_film(header, model, file, sop_instance_uid, sender, requested_at, self._settings)
            reception = write_again(self._database, lambda session: _record(session, film, synced))
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
        metrics.RECEIVED_BYTES.inc(file.byte_size)
        current.note(new=reception.new, revision=reception.revision, bytes=file.byte_size)
        current.is_first = reception.new and reception.revision == 1
        store_log.info("film received", new=reception.new, revision=reception.revision, bytes=file.byte_size)
        if not reception.file_wanted:
            self._spool.discard(file.relative_path)
        self._notify(event, header, reception)
        return SUCCESS

    def _notify(self, event: evt.Event, header: DatasetHeader, reception: receptions.Reception) -> None:
        if reception.new:
            self._received()
        if reception.conflict:
            metrics.CONFLICTS.inc()
            log.warning(
                "film of another patient or study under a known SOP Instance UID: both stand",
                film=shorten_key(film_key(str(header.dataset.SOPInstanceUID))),
                help="tbscreen patients conflicts",
            )
        if self._audit is not None:
            self._audit.record_received(
                event,
                header.dataset,
                is_new=reception.new,
                revision=1 if reception.conflict else reception.revision,
            )
            if reception.conflict:
                self._audit.record_conflict(event, header.dataset)


def _record(session: Session, film: receptions.ReceivedFilm, synced: Future[None]) -> receptions.Reception:
    """Write the row, and wait until the file's name is durable before the commit."""
    reception = receptions.record_reception(session, film)
    synced.result()
    return reception


def _find_dataset(event: evt.Event) -> IncomingDataset:
    """Return the file of the dataset; raise `NotUnderstoodError` for a request without a dataset."""
    stream: Any = event.assoc.dul
    try:
        path = str(event.dataset_path)
    except (AttributeError, TypeError):
        raise NotUnderstoodError("a C-STORE request without dataset") from None
    return cast(IncomingDataset, stream.take_incoming(path))
