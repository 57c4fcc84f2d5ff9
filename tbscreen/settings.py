"""All settings: one TOML file and `TBSCREEN_…` environment variables, built once and passed on.

The environment wins over the file. Nested keys are joined by two underscores:
`TBSCREEN_GATEWAY__PORT=104`. Secrets (a database or broker URL with a password) belong into the
environment, the file or a file of their own (`TBSCREEN_DATABASE_URL_FILE`), never on a command line.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from sqlalchemy.exc import ArgumentError

from db.database import normalize_url
from db.settings import DatabaseSettings
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.retrieval.pull_settings import PullScheduleSettings, PullSettings, check_schedules
from dicom_gateway.settings import CourierSettings, GatewaySettings, PeerSettings
from domain.errors import PermanentError
from http_server.own_address import is_own
from notices.notice_settings import NoticeSettings
from reports.settings import ReportSettings
from tbscreen.monitoring.monitoring_settings import MonitoringSettings
from tbscreen.monitoring.tracing_settings import TracingSettings
from tbscreen.secret_files import name_variable, read_secrets
from tbscreen.settings_errors import LIST_COMMAND, explain, suggest
from web.settings import WebSettings
from worker.settings import WorkerSettings

PREFIX: Final = "TBSCREEN_"
FILE_VARIABLE: Final = "TBSCREEN_CONFIG"
PASSPHRASE_VARIABLE: Final = "TBSCREEN_KEY_PASSPHRASE"  # noqa: S105  a name
"""Variable of the commands that use a private site key; not a setting."""
DEFAULT_FILE: Final = "tbscreen.toml"

SECRET_KEYS: Final = ("broker_url", "database_url")

MAX_SOCKET_PATH_BYTES: Final = 107
"""Longest path of a Unix socket on Linux (sun_path without its final NUL)."""


class Settings(BaseSettings):
    """Everything that a site sets."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    data_directory: Path = Path("data")
    """Spool, SQLite database, bundle cache, sockets and locks."""
    database_url: str | None = Field(default=None, repr=False)
    """SQLAlchemy URL; by default SQLite in the data directory."""
    broker_url: str | None = Field(default=None, repr=False)
    """Redis URL; by default `tbscreen serve` starts a private Redis on a Unix socket."""
    log_format: str = Field(default="console", pattern="^(console|json)$")
    """`console` for people, `json` for log collectors."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """The least that is logged. At no level does a line hold a patient's name, ID or birth date."""
    rendition_retention_days: float | None = Field(default=None, ge=0)
    """Days after its read at which `tbscreen renditions delete` deletes a study's pictures."""
    gateway: GatewaySettings = GatewaySettings()
    worker: WorkerSettings = WorkerSettings()
    courier: CourierSettings = CourierSettings()
    commitment: CommitmentSettings = CommitmentSettings()
    hl7: MessageSettings = MessageSettings()
    notices: NoticeSettings = NoticeSettings()
    audit: AuditSettings = AuditSettings()
    web: WebSettings = WebSettings()
    reports: ReportSettings = ReportSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    tracing: TracingSettings = TracingSettings()
    pull: PullSettings = PullSettings()
    peers: tuple[PeerSettings, ...] = ()
    """Other DICOM nodes, which may get the reports."""
    pulls: tuple[PullScheduleSettings, ...] = ()
    """PACS that cannot route: asked for new studies again and again."""

    @model_validator(mode="after")
    def _check(self) -> Settings:
        names = [peer.name for peer in self.peers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"peers: the name {name!r} is given twice")
        for receiver in self.hl7.receivers:
            if receiver.name in names:
                raise ValueError(f"hl7.receivers: {receiver.name!r} is the name of a peer")
        self._check_results_port()
        for name in self.notices.receivers:
            if name in names or name in [receiver.name for receiver in self.hl7.receivers]:
                raise ValueError(f"notices: {name!r} is the name of a peer or of an HL7 receiver")
        check_schedules(self.pulls, [peer.name for peer in self.peers])
        if self.broker_url is not None and not _is_broker_url(self.broker_url):
            raise ValueError(
                "broker_url begins with redis://, rediss:// or redis+socket://; "
                "in a password / is written %2F, @ %40, : %3A and % %25"
            )
        if not _is_database_url(
            self.resolve_database_url() if self.database_url is None else self.database_url
        ):
            raise ValueError("database_url is sqlite:////path or postgresql://user:password@host:port/name")
        return self

    def _check_results_port(self) -> None:
        port = self.hl7.results
        if port.port and port.tls and self.gateway.tls is None and not is_own(port.host):
            raise ValueError(
                "hl7.results: set [gateway.tls], whose certificates it uses, or hl7.results.tls = false: "
                "patient data then cross the network in the clear"
            )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, first wins: environment, secrets in files of their own, the settings file."""
        secrets = InitSettingsSource(settings_cls, init_kwargs=read_secrets(PREFIX, SECRET_KEYS))
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings, secrets]
        file = find_file()
        if file is not None:
            sources.append(TomlConfigSettingsSource(settings_cls, file))
        return tuple(sources)

    def resolve_database_url(self) -> str:
        """Return the database URL, the default one made absolute."""
        return self.database_url or f"sqlite:///{self.data_directory.resolve() / 'tbscreen.sqlite3'}"

    def resolve_broker_url(self) -> str:
        """Return the broker URL; by default that of the private Redis' socket."""
        return self.broker_url or f"redis+socket://{self.private_redis_socket()}"

    def private_redis_socket(self) -> Path:
        """Return the private Redis' socket: in the data directory, or in /tmp if that path is too long."""
        path = self.data_directory.resolve() / "run" / "redis.sock"
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
            return path
        import hashlib

        key = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(f"/tmp/tbscreen-{os.getuid()}-{key}/redis.sock")  # noqa: S108  made with mode 0700

    def database_settings(self) -> DatabaseSettings:
        """Return what `db` needs."""
        return DatabaseSettings(url=self.resolve_database_url())


def load_settings(**overrides: Any) -> Settings:
    """Read and check all settings.

    Raises:
        PermanentError: naming the key, its value and what is allowed.
    """
    try:
        unknown = _find_unknown_variables()
        if unknown:
            near = suggest([unknown[0]], [name_variable_of(key) for key in _list_keys(Settings)])
            raise PermanentError(f"environment variable {unknown[0]} is not a setting{near}. {LIST_COMMAND}")
        return Settings(**overrides)
    except ValidationError as error:
        raise PermanentError("\n".join(map(_explain, error.errors()))) from None
    except tomllib.TOMLDecodeError as error:
        raise PermanentError(f"{find_file()}: not valid TOML: {error}") from None
    except ValueError as error:  # a variable that should hold JSON and does not
        raise PermanentError(str(error)) from None


def find_source(key: str) -> str:
    """Return where a setting of the top level comes from: a variable, the settings file, or the default."""
    for variable in (name_variable_of(key), name_variable(PREFIX, key)):
        if variable in os.environ:
            return variable
    file = find_file()
    if file is not None and key in tomllib.loads(file.read_text("utf-8")):
        return f"{key} in {file}"
    return f"{key}, which has its default: set {name_variable_of(key)}"


def name_broker(settings: Settings) -> str:
    """Return where the broker is: without user and password."""
    if settings.broker_url is None:
        return f"Redis at {settings.private_redis_socket()}"
    parts = urlsplit(settings.broker_url)
    return (
        f"Redis at {parts.path}"
        if parts.hostname is None
        else f"Redis at {parts.hostname}:{parts.port or 6379}"
    )


def find_file() -> Path | None:
    """Return the settings file: `TBSCREEN_CONFIG`, else `tbscreen.toml` here, else none.

    Raises:
        PermanentError: when `TBSCREEN_CONFIG` names a file that is not there.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise PermanentError(f"{FILE_VARIABLE} = {named!r}: the file does not exist")
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None


def _is_database_url(url: str) -> bool:
    """True for a URL that db takes. What is wrong with it is not told: the text would hold the password."""
    try:
        DatabaseSettings(url=url)
        normalize_url(url)
    except (ValueError, ArgumentError):
        return False
    return True


def _is_broker_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss", "redis+socket") and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _explain(error: ErrorDetails) -> str:
    return explain(error, _list_keys(Settings, entries=True), SECRET_KEYS)


def find_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a nested setting, optional and repeated ones included; None for a plain value."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _list_keys(model: type[BaseModel], before: str = "", *, entries: bool = False) -> list[str]:
    """Return every key that a variable may be named after; a list of tables is one key.

    Args:
        model: of the settings or of a table.
        before: what stands before each key.
        entries: whether keys of a list's tables belong to them, too.
    """
    keys = []
    for name, field in model.model_fields.items():
        listed = get_origin(field.annotation) is tuple
        nested = None if listed and not entries else find_model(field.annotation)
        keys.extend(
            _list_keys(nested, f"{before}{name}.", entries=entries) if nested else [f"{before}{name}"]
        )
        if nested and before:
            keys.append(f"{before}{name}")
    return keys


def name_variable_of(key: str) -> str:
    """Return the environment variable of a setting: `TBSCREEN_GATEWAY__PORT` for `gateway.port`."""
    return PREFIX + key.replace(".", "__").upper()


def _find_unknown_variables() -> list[str]:
    known = {FILE_VARIABLE, PASSPHRASE_VARIABLE} | {name_variable_of(key) for key in _list_keys(Settings)}
    known |= {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {name_variable(PREFIX, key) for key in SECRET_KEYS}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
