"""Settings of storage commitment."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CommitmentSettings(BaseModel):
    """Asking peers to answer for what was delivered; which peers, their own `commitment` says."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    delay_s: float = Field(default=10.0, ge=0, le=86400)
    """Time from a delivery to its request. Deliveries of this time share a request."""
    batch: int = Field(default=500, ge=1, le=5000)
    """Most reports in a request."""
    wait_s: float = Field(default=5.0, ge=0, le=600)
    """Time for which the association stays open for the peer's report after a request. Later reports come to
    the gateway's port on an association that the peer opens."""
    answer_within_s: float = Field(default=3600.0, gt=0, le=604800)
    """A request that is not answered within this time is made anew."""
    maximum_requests: int = Field(default=5, ge=1)
    """Most requests that a peer may leave unanswered or refuse; then a report's commitment is parked."""
    maximum_resends: int = Field(default=3, ge=0)
    """A report that the peer says it does not have is sent again so often, then its commitment is parked."""
    give_up_after_hours: float = Field(default=168.0, gt=0)
    """A report that is not committed so long after its delivery holds its film's file no longer."""
