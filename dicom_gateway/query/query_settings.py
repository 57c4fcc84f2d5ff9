"""Settings of the worklist's DICOM queries."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class QuerySettings(BaseModel):
    """C-FIND on the worklist (UPS Query, Study Root, Patient Root), QIDO-RS and WADO-RS."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = True
    """Answer C-FIND: every allowed caller can then read names and results. Also QIDO-RS and WADO-RS, where
    `[gateway.dicomweb]` is set, for those with the permission `worklist`."""
    accept_ups_pull: bool = False
    """Answer C-FIND on UPS Pull, too, for clients without UPS Query. The other operations
    of that SOP class (N-GET, N-SET, N-ACTION) are answered 0x0211 (unrecognized operation)."""
    maximum_answers: int = Field(default=1000, ge=1, le=1_000_000)
    """Maximum number of answers to a query; a query with more matches ends with 0xA700 (out of resources).
    QIDO-RS gives so many and says that there are more."""
    maximum_examined: int = Field(default=20_000, ge=1, le=10_000_000)
    """Maximum number of studies that a query examines; a query that needs more ends with 0xA700, or
    413."""
    worklist_label: str = Field(default="TB screening", min_length=1, max_length=64)
    """Worklist Label (0074,1202) of every answer."""
    procedure_step_label: str = Field(default="Read chest radiograph", min_length=1, max_length=64)
    """Procedure Step Label (0074,1204) of every answer."""
    retrieve_ae_title: str = Field(default="", max_length=16)
    """AE title of the PACS that keeps the films: Retrieve AE Title (0008,0054) in answers. Empty gives the AE
    titles that sent the study's films to UPS Query; to Study Root and Patient Root the peers that listed the
    study in a pull or committed a report in it to storage."""
