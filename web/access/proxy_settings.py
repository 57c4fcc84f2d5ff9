"""Settings of the login by a reverse proxy that has verified its users."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from domain.roles import Role

Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$", to_lower=True)]


class GroupRole(BaseModel):
    """A group that the proxy names, and the role of its members."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    group: str = Field(pattern=r"^[!-+\--~]([ -+\--~]{0,253}[!-+\--~])?$")
    """Name of the group as the proxy writes it, without comma."""
    role: Role
    """Role of its members: `reader`, `manager`, `analyst` or `admin`."""


class ProxyLoginSettings(BaseModel):
    """Login by a header of a reverse proxy. Passwords stay beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    addresses: tuple[str, ...] = Field(min_length=1)
    """Addresses or networks of the proxy, as the page sees its connections. The headers of all others are
    ignored and recorded."""
    secret_file: Path
    """File of one line with a secret of 16 characters or more that the proxy sends with each request. It is
    read when the page starts."""
    secret_header: Header = "x-tbscreen-proxy-secret"  # noqa: S105  a name
    """Header of the secret."""
    user_header: Header = "x-remote-user"
    """Header of the user's name. The proxy removes it from what browsers send."""
    groups_header: Header | None = None
    """Header of the user's groups, separated by commas; it goes with `groups`."""
    groups: tuple[GroupRole, ...] = ()
    """Roles by group: see `[[web.proxy_login.groups]]`. The first that a user is in decides the role, at each
    login; a user in none of them is refused. Without groups, users have the role that `tbscreen users`
    gave."""
    create_users: bool = False
    """Add a user whom the proxy names and whom the database does not know; it needs `groups`."""
    logout_url: str | None = Field(default=None, pattern=r"^(https://[!-~]+|/[!-~]*)$")
    """Address at which the proxy ends its own session; users come there after a logout."""

    @field_validator("addresses")
    @classmethod
    def _check_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if ipaddress.ip_network(address).prefixlen == 0:
                raise ValueError(f"{address} is every address: name the proxy")
        return value

    @model_validator(mode="after")
    def _check(self) -> ProxyLoginSettings:
        if (self.groups_header is None) != (not self.groups):
            raise ValueError("groups_header and groups go together")
        if self.create_users and not self.groups:
            raise ValueError("create_users needs groups, which decide the role")
        names = [self.secret_header, self.user_header, *([self.groups_header] if self.groups_header else [])]
        if len(set(names)) < len(names):
            raise ValueError("secret_header, user_header and groups_header are different headers")
        return self
