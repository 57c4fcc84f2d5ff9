"""Settings of the database connection."""

from pydantic import BaseModel, ConfigDict, Field


class DatabaseSettings(BaseModel):
    """Connection to SQLite (one machine) or PostgreSQL (many)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: str = Field(pattern=r"^(sqlite:///|postgresql(\+psycopg)?://).+", repr=False)
    """SQLAlchemy URL: `sqlite:////path/to/file` or `postgresql+psycopg://user:password@host/name`."""

    busy_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Longest time a SQLite writer waits for another writer, seconds."""

    lock_timeout_s: float = Field(default=20.0, gt=0, le=3600)
    """Longest time a statement waits for a lock of PostgreSQL, seconds; migrations wait longer."""

    pool_size: int = Field(default=5, ge=1, le=100)
    """PostgreSQL connections each process keeps open."""
