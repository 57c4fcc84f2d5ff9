"""Roles of users and their permissions. The names are part of the public interface: never rename them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The role of a user."""

    READER = "reader"
    MANAGER = "manager"
    ANALYST = "analyst"
    """Sees figures alone, and no patient. Versions before this role refuse the pages of such a user."""
    ADMIN = "admin"


class Permission(StrEnum):
    """A permission of a role, and a scope of an API token."""

    WORKLIST = "worklist"
    """See the worklist, the studies and their films."""
    READ = "read"
    """Record a radiologist's verdict on a study, against which the model is measured."""
    REPORT = "report"
    """See the figures of the whole site."""
    RECONCILE = "reconcile"
    """Decide which patient a film belongs to, on the page."""
    ADMINISTER = "administer"
    """See and change the installation on the page: deliveries, users, models. It opens nothing by REST."""
    RESULTS = "results"
    """Send bacteriology results by REST, and enter those of a calibration study on the page."""
    STORE = "store"
    """Send films by DICOMweb. It opens nothing on the page."""


PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.READER: frozenset({Permission.WORKLIST, Permission.READ}),
    # A manager's verdict would count as a radiologist's in the figures that the manager reports.
    Role.MANAGER: frozenset({Permission.WORKLIST, Permission.REPORT}),
    Role.ANALYST: frozenset({Permission.REPORT}),
    Role.ADMIN: frozenset(Permission),
}


class Blinded(StrEnum):
    """Choice of blinded reading for a reader."""

    YES = "yes"
    NO = "no"
    SITE = "site"
    """As `web.blinded_reading` says."""

    @property
    def value_stored(self) -> bool | None:
        """The value in the database."""
        return None if self is Blinded.SITE else self is Blinded.YES
