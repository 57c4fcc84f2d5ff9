"""Who is told what people did on the page: the front door hands in an audit trail."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request


class Witness(Protocol):
    """Writes down who did what. It never stands in the way: its own trouble is its own."""

    def record_login(self, user: str, address: str, *, is_right: bool) -> None:
        """Somebody tried to log in; `user` is empty for a name that nobody has."""

    def record_logout(self, user: str, address: str) -> None:
        """A user logged out."""

    def record_search(self, user: str, address: str, query: str) -> None:
        """A user saw a page of the worklist; `query` is what it was asked for, URL-encoded."""

    def record_access(
        self, user: str, address: str, study_instance_uid: str, patient_id: str, *, is_changed: bool
    ) -> None:
        """A user saw a study, or read it."""


class NoWitness:
    """Writes nothing down."""

    def record_login(self, user: str, address: str, *, is_right: bool) -> None:
        """Do nothing."""

    def record_logout(self, user: str, address: str) -> None:
        """Do nothing."""

    def record_search(self, user: str, address: str, query: str) -> None:
        """Do nothing."""

    def record_access(
        self, user: str, address: str, study_instance_uid: str, patient_id: str, *, is_changed: bool
    ) -> None:
        """Do nothing."""


def find_address(request: Request) -> str:
    """Return the address of who asks, as far as it is known."""
    return request.client.host if request.client else ""
