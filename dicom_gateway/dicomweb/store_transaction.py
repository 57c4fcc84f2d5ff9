"""A Store transaction (PS3.18 10.5): receives the instances of one request, each before the next is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from dicom_gateway import metrics
from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.association.presentation_contexts import ACCEPTED_TRANSFER_SYNTAXES
from dicom_gateway.association.statuses import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    TRANSFER_SYNTAX_NOT_SUPPORTED,
)
from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES
from dicom_gateway.dataset_limits import TooLargeError
from dicom_gateway.dicomweb.part10_intake import FileMeta, Part10Intake
from dicom_gateway.reception.film_reception import Arrival, FilmReception
from domain.errors import PermanentError

MEDIA_TYPE: Final = "application/dicom"

SOP_CLASSES: Final = frozenset(STORAGE_SOP_CLASSES)
TRANSFER_SYNTAXES: Final = frozenset(str(syntax) for syntax in ACCEPTED_TRANSFER_SYNTAXES)

log = structlog.get_logger(__name__)


class TooManyInstancesError(PermanentError):
    """The request has more instances than the settings allow. Permanent until they change."""


@dataclass(frozen=True)
class StoredInstance:
    """The outcome of one instance."""

    sop_class_uid: str
    sop_instance_uid: str
    status: int
    """0x0000, or the Failure Reason (0008,1197): a status of PS3.4 Table B.2-1."""


@dataclass
class StoreOutcome:
    """The outcome of a request."""

    instances: list[StoredInstance] = field(default_factory=list)
    other_failures: list[int] = field(default_factory=list)
    """Failure Reasons of what names no instance."""
    too_large: int = 0
    """Number of instances that were larger than allowed, and 1 for a request that was."""

    @property
    def stored(self) -> list[StoredInstance]:
        """The instances that are durable and recorded."""
        return [instance for instance in self.instances if instance.status == SUCCESS]

    @property
    def failed(self) -> list[StoredInstance]:
        """The instances that are not kept."""
        return [instance for instance in self.instances if instance.status != SUCCESS]


class StoreTransaction:
    """Receives the parts of one request.

    Args:
        reception: receives films, also those of C-STORE.
        folder: for files while they are received, on the spool's file system.
        sender: the sender of the request.
        study_instance_uid: the study that the request's target names; empty accepts every study.
        maximum_instances: most instances.
    """

    def __init__(
        self,
        reception: FilmReception,
        folder: Path,
        sender: FilmSender,
        study_instance_uid: str,
        maximum_instances: int,
    ) -> None:
        self._reception = reception
        self._folder = folder
        self._sender = sender
        self._study = study_instance_uid
        self._maximum = maximum_instances
        self._intake: Part10Intake | None = None
        self._parts = 0
        self.outcome = StoreOutcome()

    def begin_part(self, headers: Mapping[str, str]) -> None:
        """Begin an instance; a part of another media type is dropped.

        Raises:
            TooManyInstancesError: when there are more instances than allowed.
        """
        self._parts += 1
        if self._parts > self._maximum:
            raise TooManyInstancesError(f"more than {self._maximum} instances")
        if read_media_type(headers.get("content-type", MEDIA_TYPE)) == MEDIA_TYPE:
            self._intake = Part10Intake(self._folder, self._sender.ae_title, self._reception.limits)

    def take(self, piece: memoryview) -> None:
        """Write the next bytes of an instance."""
        if self._intake is not None:
            self._intake.take(piece)

    def end_part(self) -> None:
        """Make an instance durable and record it."""
        intake, self._intake = self._intake, None
        if intake is None:
            self._note_other("a part of another media type than application/dicom")
            return
        try:
            intake.end()
            if intake.meta is None or intake.error is not None:
                self._note_other(str(intake.error))
                return
            status = self._receive(intake, intake.meta)
            meta = intake.meta
            self.outcome.instances.append(StoredInstance(meta.sop_class_uid, meta.sop_instance_uid, status))
            if intake.incoming is not None and isinstance(intake.incoming.error, TooLargeError):
                self.outcome.too_large += 1
        finally:
            intake.discard()

    def abandon(self) -> None:
        """Delete the file of an instance that has not come completely."""
        intake, self._intake = self._intake, None
        if intake is not None:
            intake.discard()

    def _receive(self, intake: Part10Intake, meta: FileMeta) -> int:
        refused = None
        if meta.sop_class_uid not in SOP_CLASSES:
            refused = SOP_CLASS_NOT_SUPPORTED
        elif meta.transfer_syntax_uid not in TRANSFER_SYNTAXES:
            refused = TRANSFER_SYNTAX_NOT_SUPPORTED
        if refused is not None:
            # C-STORE refuses these when the association is negotiated.
            log.warning("instance not taken", sender=self._sender.ae_title, status=f"0x{refused:04X}")
            metrics.RECEPTIONS.labels(f"0x{refused:04X}").inc()
            return refused
        arrival = Arrival(
            intake.incoming, meta.sop_class_uid, meta.sop_instance_uid, self._sender, self._study
        )
        return self._reception.receive(arrival)

    def _note_other(self, reason: str) -> None:
        log.warning("dataset not understood", reason=reason, sender=self._sender.ae_title)
        metrics.RECEPTIONS.labels(f"0x{CANNOT_UNDERSTAND:04X}").inc()
        self.outcome.other_failures.append(CANNOT_UNDERSTAND)

    def note_too_large(self) -> None:
        """Record that the request itself is larger than allowed; what was stored before stays."""
        self.outcome.too_large += 1
        self.outcome.other_failures.append(OUT_OF_RESOURCES)


def read_media_type(content_type: str) -> str:
    """Return the media type of a Content-Type, without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()
