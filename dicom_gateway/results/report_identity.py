"""The values from which the UIDs of a screening's objects derive."""

from __future__ import annotations

from typing import Final

from db.delivery.outbox import ReportableScreening
from domain.codes import ReportKind

CONTENT_VERSION: Final = "content-2"
"""Version of the content of SR, picture and presentation state. It changes with every change of what they say
or show, so that another content has another UID. Objects that are stored are sent again as they are."""


def derive_identity(
    screening: ReportableScreening, kind: ReportKind, language: str = "", threshold_cell: str = ""
) -> tuple[str, ...]:
    """Return the values from which the UIDs of a screening's object derive.

    Args:
        screening: the result.
        kind: the kind of object.
        language: language of its texts (RFC 5646); empty for English.
        threshold_cell: group of films for which the threshold was chosen; empty for that of all films.
    """
    return (
        screening.sop_instance_uid,
        screening.dataset_sha256,
        screening.bundle_digest,
        screening.operating_point,
        kind.value,
        CONTENT_VERSION,
        language,
        threshold_cell,
    )
