"""The models of this installation, for `web.administration`."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING, Final

from db.database import Database
from db.models import site_thresholds
from domain.errors import PermanentError
from domain.languages.sentence import say
from tbscreen.models.bundle_lookup import find_bundle
from tbscreen.models.model_change import ModelChange
from tbscreen.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

COLUMNS: Final = 100
"""Width of tables that are written as text."""


class LocalModels:
    """A `web.administration.installation.ModelChanges`: the functions of `tbscreen models` and `calibrate`.

    What they import is imported when it is first needed.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database

    def activate(self, digest: str, by: str, force: str | None, trust: str | None) -> ModelChange:
        """Examine a bundle and screen new films with it.

        Raises:
            PermanentError: with the objection, or when this host cannot compute a network.
            TransientError: when another bundle has become active meanwhile.
        """
        _require_keras()
        from tbscreen.models.changes import activate

        return activate(self.database, digest, by, force=force, trust=trust)

    def put_in_shadow(self, digest: str, by: str, trust: str | None) -> ModelChange:
        """Examine a bundle and let it score every film beside the active one.

        Raises:
            PermanentError: with the objection, or when this host cannot compute a network.
        """
        _require_keras()
        from tbscreen.models.changes import put_in_shadow

        return put_in_shadow(self.database, digest, by, trust=trust)

    def end_shadow(self) -> ModelChange:
        """Take the bundle out of the shadow."""
        from tbscreen.models.changes import end_shadow

        return end_shadow(self.database)

    def roll_back(self, by: str) -> ModelChange:
        """Activate the bundle that was active before.

        Raises:
            PermanentError: when none was.
        """
        from tbscreen.models.changes import roll_back

        return roll_back(self.database, by)

    def use_threshold(self, number: int, by: str, reason: str | None) -> ModelChange:
        """Judge new films by a site threshold.

        Raises:
            PermanentError: when it is unknown, or its signature does not fit the key of this host.
        """
        from tbscreen.commands.calibration.calibrate import open_key
        from tbscreen.models.site_threshold_use import use_threshold

        return use_threshold(self.database, number, by, open_key(self.settings, None), reason)

    def roll_back_threshold(self, digest: str, by: str) -> ModelChange:
        """Judge new films of a bundle as before its last change of the threshold.

        Raises:
            PermanentError: when its own operating point is in use, or a signature does not fit the key of
                this host.
        """
        from tbscreen.commands.calibration.calibrate import open_key
        from tbscreen.models.site_threshold_use import roll_back_threshold

        return roll_back_threshold(self.database, digest, by, open_key(self.settings, None))

    def write_sheet(self, digest: str) -> str:
        """Return what `tbscreen models show` prints.

        Raises:
            PermanentError: when no bundle has this digest.
        """
        from tbscreen.terminal.model_sheet import draw_sheet, read_sheet

        with self.database.read() as session:
            sheet = read_sheet(session, find_bundle(session, digest))
        return _write(draw_sheet(sheet))

    def write_comparison(self, candidate: str, reference: str) -> str:
        """Return what `tbscreen models compare` prints of the films in the test part of both.

        Raises:
            PermanentError: when a bundle is unknown.
        """
        from tbscreen.models.activation import compare_by_their_films
        from tbscreen.terminal.model_sheet import draw_comparison

        with self.database.read() as session:
            ours, theirs = find_bundle(session, candidate), find_bundle(session, reference)
        comparison = compare_by_their_films(self.database, ours.digest, theirs.digest)
        return _write(draw_comparison(comparison, ours, theirs))

    def write_threshold(self, number: int) -> str:
        """Return what `tbscreen calibrate show` prints.

        Raises:
            PermanentError: when it is unknown, or its signature does not fit the key of this host.
        """
        from tbscreen.commands.calibration.calibrate import open_key, write_any_sheet

        with self.database.read() as session:
            entry = site_thresholds.find(session, number)
            changes = site_thresholds.list_changes(session, entry.bundle_digest)
        site_thresholds.verify(entry, open_key(self.settings, None))
        return write_any_sheet(entry, changes)


def _require_keras() -> None:
    if importlib.util.find_spec("keras") is None:
        raise PermanentError(
            say(
                "the host of the page has no Keras, with which a bundle is examined: run {command} on the "
                "host of a worker",
                command="'tbscreen models activate'",
            )
        )


def _write(drawn: RenderableType) -> str:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=COLUMNS, color_system=None).print(drawn)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
