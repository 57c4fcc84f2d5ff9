"""The peers from which the films of a study can be retrieved, as far as they have said so."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import CommitmentState
from db.tables import CommitmentItem, Delivery, Instance, PulledStudy, ReportObject, Screening, Study


def find_keepers(session: Session, study_instance_uids: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of the peers that listed a study, or committed a report to storage in it, by study."""
    listed = select(PulledStudy.study_instance_uid, PulledStudy.peer).where(
        PulledStudy.study_instance_uid.in_(study_instance_uids)
    )
    committed = (
        select(Study.study_instance_uid, Delivery.peer)
        .join(Instance, Instance.study_id == Study.id)
        .join(Screening, Screening.instance_id == Instance.id)
        .join(ReportObject, ReportObject.screening_id == Screening.id)
        .join(Delivery, Delivery.sop_instance_uid == ReportObject.sop_instance_uid)
        .join(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
        .where(Study.study_instance_uid.in_(study_instance_uids))
        .where(CommitmentItem.state == CommitmentState.COMMITTED.value)
    )
    keepers: dict[str, set[str]] = {}
    for query in (listed, committed):
        for uid, peer in session.execute(query):
            keepers.setdefault(uid, set()).add(peer)
    return {uid: sorted(peers) for uid, peers in keepers.items()}
