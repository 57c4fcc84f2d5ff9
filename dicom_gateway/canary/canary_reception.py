"""Recognition of canary films among received films, by UID, address and bytes; all else is an alert."""

from __future__ import annotations

from concurrent.futures import Future

import structlog

from db.canary import canaries
from db.database import Database
from dicom_gateway import metrics
from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.association.network_address import parse_address
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.canary.canary_uid import is_canary_uid
from dicom_gateway.dataset_header import DatasetHeader
from dicom_gateway.spool import SpooledFile
from domain.film_key import film_key
from domain.film_stage import shorten_key

ALERT = "film under the UID of a canary film that is none"

log = structlog.get_logger(__name__)


class CanaryReception:
    """Recognizes the canary films that a gateway receives from itself.

    Args:
        gateway: name of the gateway.
        database: the canary films.
        audit: records alerts; None for no audit.
    """

    def __init__(self, gateway: str, database: Database, audit: AuditTrail | None) -> None:
        self._gateway = gateway
        self._database = database
        self._audit = audit

    def take(
        self,
        sop_instance_uid: str,
        sender: FilmSender,
        header: DatasetHeader,
        file: SpooledFile,
        synced: Future[None],
    ) -> bool:
        """Record a film as a canary film, if it is one, after its file's name is durable.

        Any other film under such a UID raises a Security Alert and is to be received as all films are:
        somebody's patient may be on it.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: when the database is away.
            OSError: when the disk fails.
        """
        if not is_canary_uid(sop_instance_uid):
            return False
        address = parse_address(sender.address)
        if sender.is_caller and address is not None and address.is_loopback:
            with self._database.write() as session:
                is_ours = canaries.record_arrival(
                    session, self._gateway, sop_instance_uid, file.dataset_sha256, file.relative_path
                )
                synced.result()
            if is_ours:
                return True
        metrics.FALSE_CANARIES.inc()
        film = shorten_key(film_key(sop_instance_uid))
        log.warning(f"{ALERT}: received as any film", film=film, sender=sender.ae_title)
        if self._audit is not None:
            self._audit.record_film_alert(sender, header.dataset, ALERT)
        return False
