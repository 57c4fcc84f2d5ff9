"""Settings of storage commitment."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CommitmentSettings(BaseModel):
    """Storage commitment of delivered objects, for the peers with `commitment = true`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    delay_s: float = Field(default=10.0, ge=0, le=86400)
    """Seconds from a delivery to its request. Deliveries within this time share a request."""
    batch: int = Field(default=500, ge=1, le=5000)
    """Maximum number of reports in a request."""
    wait_s: float = Field(default=5.0, ge=0, le=600)
    """Seconds for which the association stays open for the peer's report after a request. Later reports come
    to the gateway's port on an association that the peer opens."""
    answer_within_s: float = Field(default=3600.0, gt=0, le=604800)
    """Seconds after which an unanswered request is sent again."""
    maximum_requests: int = Field(default=5, ge=1)
    """Number of unanswered or refused requests after which the commitment of a report is parked."""
    maximum_resends: int = Field(default=3, ge=0)
    """Number of times that a report missing at the peer is sent again before its commitment is parked."""
    give_up_after_hours: float = Field(default=168.0, gt=0)
    """Hours after a delivery at which an uncommitted report is parked and no longer keeps its film's file."""
