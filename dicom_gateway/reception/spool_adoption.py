"""Adoption: receives films in the spool that have no row, from their files.

Either the sender got success and the database was later restored from an older backup, or the sender got
0xA700 because the row could not be committed. The former film is not sent again, and the latter perhaps not.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.exc import DataError

from db.clock import now
from db.database import Database
from db.films import receptions, spooled_files
from db.retrying import write_again
from dicom_gateway.association.preamble import read_sender
from dicom_gateway.canary.canary_film import digest_film, draw_film
from dicom_gateway.canary.canary_uid import is_canary_uid
from dicom_gateway.dataset_header import NotUnderstoodError, read_header, read_text, to_json_model
from dicom_gateway.reception.film_description import describe_film
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.film_key import film_key

AT_ONCE: Final = 500
"""Most paths in one query."""

log = structlog.get_logger(__name__)


class SpoolAdoption:
    """Adds rows for the films in a spool that have none.

    Args:
        database: records receptions.
        spool: spool of this gateway.
        settings: settings of this gateway.
    """

    def __init__(self, database: Database, spool: Spool, settings: GatewaySettings) -> None:
        self._database = database
        self._spool = spool
        self._settings = settings

    def find_unknown(self, paths: Iterable[str]) -> list[str]:
        """Return the files without a row.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: when the database is unavailable.
        """
        all_paths, unknown = list(paths), []
        for begin in range(0, len(all_paths), AT_ONCE):
            block = all_paths[begin : begin + AT_ONCE]
            with self._database.read() as session:
                known = spooled_files.find_known(session, block)
            unknown += [path for path in block if path not in known]
        return unknown

    def adopt(self, paths: Iterable[str]) -> int:
        """Receive films from their files in order of arrival, so that corrections come last.

        A file that another gateway holds, or whose film is done, is deleted. A file that cannot be received
        stays and is logged.

        Args:
            paths: paths relative to the spool, of files that are not being received.

        Returns:
            The number of films with a new row.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: when the database is unavailable.
        """
        arrivals: list[tuple[int, str]] = []
        for path in paths:
            try:
                arrivals.append((self._spool.path(path).stat().st_mtime_ns, path))
            except FileNotFoundError:
                continue
        return sum(self._adopt(path) for _, path in sorted(arrivals))

    def _adopt(self, relative_path: str) -> bool:
        path = self._spool.path(relative_path)
        try:
            header = read_header(path)
            uid = read_text(header.dataset, "SOPInstanceUID", 64) or ""
            if not path.name.startswith(film_key(uid)):
                raise NotUnderstoodError("the file is filed under another film's name")
            file = self._spool.describe(relative_path, header.dataset_offset)
            received_at = min(now(), datetime.fromtimestamp(path.stat().st_mtime, UTC))
            if is_canary_uid(uid) and file.dataset_sha256 == digest_film(draw_film(uid)):
                self._spool.discard(relative_path)  # its row is gone, and nobody awaits it
                return False
            sender = read_sender(path)
            model = to_json_model(header.dataset)
            self._spool.sync(file)
            film = describe_film(header, model, file, uid, sender, received_at, self._settings)
            reception = write_again(
                self._database, lambda session: receptions.record_reception(session, film)
            )
        except FileNotFoundError:
            return False
        except (NotUnderstoodError, OSError, DataError) as error:
            log.error("file in the spool cannot be received", path=relative_path, error=type(error).__name__)
            return False
        film_log = log.bind(film=film_key(uid)[:12], sender=sender, bytes=file.byte_size)
        if not reception.file_wanted:
            self._spool.discard(relative_path)
        if reception.new:
            film_log.warning("film taken up from the spool: it had no row in the database")
        return reception.new
