"""The audit trail that the page writes to; the front door passes it in."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from starlette.requests import Request


class ChangeKind(StrEnum):
    """The kinds of changes by administrators."""

    ACCOUNT = "account"
    ROLE = "role"
    SOFTWARE = "software"


class AuditTrail(Protocol):
    """Records the actions of users. It raises nothing: a failure of the trail never stops a request."""

    def record_login(self, user: str, address: str, *, is_right: bool) -> None:
        """Record an attempt to log in; `user` is empty for an unknown name."""

    def record_logout(self, user: str, address: str) -> None:
        """Record a logout."""

    def record_wrong_token(self, address: str) -> None:
        """Record a request with an unknown, revoked or expired bearer token."""

    def record_wrong_proxy(self, address: str) -> None:
        """Record a request with the user header of the proxy, from elsewhere or without its secret."""

    def record_password_change(self, user: str, address: str, *, is_right: bool) -> None:
        """Record a changed password, or an attempt with a wrong present password."""

    def record_search(self, user: str, address: str, query: str) -> None:
        """Record a view of a worklist page; `query` is the URL-encoded filter."""

    def record_access(
        self, user: str, address: str, study_instance_uid: str, patient_id: str, *, is_changed: bool
    ) -> None:
        """Record a view of a study, or a read (`is_changed`)."""

    def record_reconciliation(
        self,
        user: str,
        address: str,
        change: str,
        patient_ids: Sequence[str],
        study_instance_uids: Sequence[str],
    ) -> None:
        """Record a decision on patients."""

    def record_change(self, user: str, address: str, kind: ChangeKind, change: str) -> None:
        """Record a change by an administrator, in words without secrets."""

    def record_audit_view(self, user: str, address: str) -> None:
        """Record a view of audit records."""


class NoAuditTrail:
    """Records nothing."""

    def record_login(self, user: str, address: str, *, is_right: bool) -> None:
        """Do nothing."""

    def record_logout(self, user: str, address: str) -> None:
        """Do nothing."""

    def record_wrong_token(self, address: str) -> None:
        """Do nothing."""

    def record_wrong_proxy(self, address: str) -> None:
        """Do nothing."""

    def record_password_change(self, user: str, address: str, *, is_right: bool) -> None:
        """Do nothing."""

    def record_search(self, user: str, address: str, query: str) -> None:
        """Do nothing."""

    def record_access(
        self, user: str, address: str, study_instance_uid: str, patient_id: str, *, is_changed: bool
    ) -> None:
        """Do nothing."""

    def record_reconciliation(
        self,
        user: str,
        address: str,
        change: str,
        patient_ids: Sequence[str],
        study_instance_uids: Sequence[str],
    ) -> None:
        """Do nothing."""

    def record_change(self, user: str, address: str, kind: ChangeKind, change: str) -> None:
        """Do nothing."""

    def record_audit_view(self, user: str, address: str) -> None:
        """Do nothing."""


def find_address(request: Request) -> str:
    """Return the address of the client, or an empty text where it is unknown."""
    return request.client.host if request.client else ""
