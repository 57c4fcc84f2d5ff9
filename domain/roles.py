"""Who may do what. The names are part of the public interface: never rename one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a user is here for."""

    READER = "reader"
    MANAGER = "manager"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that a role may do, and the scope of an API token."""

    WORKLIST = "worklist"
    """See the worklist, the studies and their films."""
    READ = "read"
    """Say what a study shows: a radiologist's verdict, against which the model is measured."""
    REPORT = "report"
    """See the figures of the whole site."""


PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.READER: frozenset({Permission.WORKLIST, Permission.READ}),
    # A manager's verdict would count as a radiologist's in the figures that the manager reports.
    Role.MANAGER: frozenset({Permission.WORKLIST, Permission.REPORT}),
    Role.ADMIN: frozenset(Permission),
}
