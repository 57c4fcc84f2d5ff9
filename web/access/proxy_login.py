"""Login by a reverse proxy: a name in a header, believed from the proxy's address with its secret alone.

The header logs nobody in by itself: it names the user on the login page, whose form begins a session as a
password does. A session ends when the proxy names another user.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.orm import Session
from starlette.requests import Request

from db.accounts import users
from db.accounts.users import UserEntry
from db.database import Database
from domain.errors import PermanentError
from domain.roles import Role
from domain.secret_words import is_same, make_secret
from web.access import passwords
from web.access.audit import AuditTrail, ChangeKind, find_address
from web.access.direct_peer import find_direct_peer
from web.access.proxy_settings import ProxyLoginSettings

LOG = structlog.get_logger(__name__)

SHORTEST_SECRET: Final = 16


@dataclass(frozen=True)
class VerifiedUser:
    """A user whom the proxy has verified."""

    name: str
    """As users' names are stored; empty for a name that no user can have."""
    groups: frozenset[str] = frozenset()


class ProxyLogin:
    """Reads the headers of the proxy, and finds or adds the user whom they name.

    Args:
        settings: addresses, headers, groups.
        database: with the users.
        audit: records headers from elsewhere, and users that are added or change their role.

    Raises:
        PermanentError: when the secret cannot be read.
    """

    def __init__(self, settings: ProxyLoginSettings, database: Database, audit: AuditTrail) -> None:
        self.settings = settings
        self.database = database
        self.audit = audit
        self._networks = [ipaddress.ip_network(address) for address in settings.addresses]
        self._secret = _read_secret(settings)

    def read(self, request: Request) -> VerifiedUser | None:
        """Return the user whom the proxy names; None without the header, or where it is not believed."""
        named = request.headers.getlist(self.settings.user_header)
        if not named:
            return None
        secrets = request.headers.getlist(self.settings.secret_header)
        is_believed = (
            self._is_proxy(find_direct_peer(request))
            and len(secrets) == 1
            and is_same(secrets[0], self._secret)
        )
        if not is_believed or len(named) != 1:
            self.audit.record_wrong_proxy(find_address(request))
            return None
        name = users.normalize_name(named[0])
        return VerifiedUser(name if users.NAME.fullmatch(name) else "", self._read_groups(request))

    def admit(self, verified: VerifiedUser, address: str) -> UserEntry | None:
        """Return the user for a login, added or with a new role where the settings say so.

        Args:
            verified: as the proxy says.
            address: of the browser, for the audit trail.

        Returns:
            None for an unknown or disabled user, and for one without a role.
        """
        role = self._choose_role(verified)
        if not verified.name or (self.settings.groups and role is None):
            return None
        added = passwords.hash_password(make_secret())  # nobody knows this password
        with self.database.write() as session:
            user, change = self._find(session, verified.name, role, added)
        if change is not None:
            kind, text = change
            LOG.info("user changed by the proxy's groups", user=verified.name, role=role)
            self.audit.record_change(verified.name, address, kind, text)
        return user

    def _find(
        self, session: Session, name: str, role: Role | None, added: str
    ) -> tuple[UserEntry | None, tuple[ChangeKind, str] | None]:
        found = users.find_credentials(session, name)
        if found is None:
            if role is None or not self.settings.create_users:
                return None, None
            text = f"user {name} added with role {role.value}, by a group of the proxy"
            return users.add(session, name, role, added), (ChangeKind.ACCOUNT, text)
        if found.user.disabled:
            return None, None
        if role is None or role is found.user.role:
            return found.user, None
        users.set_role(session, name, role)
        text = f"role of {name} changed from {found.user.role.value} to {role.value}, by a group of the proxy"
        changed = users.find_credentials(session, name)
        return None if changed is None else changed.user, (ChangeKind.ROLE, text)

    def _choose_role(self, verified: VerifiedUser) -> Role | None:
        return next((entry.role for entry in self.settings.groups if entry.group in verified.groups), None)

    def _read_groups(self, request: Request) -> frozenset[str]:
        if self.settings.groups_header is None:
            return frozenset()
        listed = request.headers.getlist(self.settings.groups_header)
        if len(listed) != 1:
            return frozenset()
        return frozenset(group.strip() for group in listed[0].split(",") if group.strip())

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)


def _read_secret(settings: ProxyLoginSettings) -> str:
    try:
        text = settings.secret_file.read_text("ascii").strip()
    except OSError as error:
        reason = f"{settings.secret_file} cannot be read: {error.strerror}"
        raise PermanentError(f"web.proxy_login.secret_file: {reason}") from None
    except UnicodeDecodeError:
        text = ""
    if len(text) < SHORTEST_SECRET or not text.isprintable() or " " in text:
        raise PermanentError(
            f"web.proxy_login.secret_file: {settings.secret_file} holds no line of {SHORTEST_SECRET} ASCII "
            "characters or more without blanks: 'openssl rand -hex 32' makes one"
        )
    return text
