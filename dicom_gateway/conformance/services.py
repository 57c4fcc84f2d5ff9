"""SOP classes and roles (PS3.4), read from the negotiated presentation contexts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydicom.uid import UID
from pynetdicom.presentation import PresentationContext

from dicom_gateway.association.presentation_contexts import (
    FILM_SOP_CLASSES,
    STORAGE_COMMITMENT,
    VERIFICATION,
)
from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES
from dicom_gateway.delivery.commitment_scu import offer as offer_commitment
from dicom_gateway.delivery.sent_objects import SENT_CONTEXTS
from dicom_gateway.delivery.sent_objects import offer as offer_objects
from dicom_gateway.reception.storage_scp import build_entity
from dicom_gateway.retrieval.pull_association import offer as offer_pull
from dicom_gateway.settings import GatewaySettings

CATEGORIES = {
    "Verification": (VERIFICATION,),
    "Transfer": (*STORAGE_SOP_CLASSES,),
    "Storage Commitment": (STORAGE_COMMITMENT,),
}
"""Categories by SOP class; other SOP classes are Query/Retrieve or Workflow Management, by their names."""


@dataclass(frozen=True)
class Offer:
    """A SOP class with the transfer syntaxes in which it is negotiated, and our role."""

    sop_class: str
    transfer_syntaxes: tuple[str, ...]
    role: str
    """`SCU` or `SCP`."""


def list_accepted(settings: GatewaySettings) -> list[Offer]:
    """Return the presentation contexts that the gateway accepts as acceptor."""
    return [
        Offer(
            str(context.abstract_syntax),
            tuple(map(str, context.transfer_syntax)),
            # Accepting the SCP role of the peer makes us the SCU.
            "SCU" if context.scp_role else "SCP",
        )
        for context in build_entity(settings).supported_contexts
    ]


def list_sent() -> list[Offer]:
    """Return the presentation contexts that the courier proposes to send objects."""
    return _read(offer_objects(SENT_CONTEXTS), ())


def list_commitment() -> list[Offer]:
    """Return the presentation contexts that the courier proposes for storage commitment."""
    return _read(offer_commitment(), ())


def list_pulled() -> list[Offer]:
    """Return the presentation contexts that are proposed to a PACS to pull films."""
    return _read(offer_pull(), FILM_SOP_CLASSES)


def name(uid: str) -> str:
    """Return a UID's name."""
    return UID(uid).name


def summarize(offers: Iterable[Offer]) -> Iterator[tuple[str, str, bool, bool]]:
    """Yield category, SOP class, SCU support and SCP support, ordered by category and name."""
    roles: dict[str, set[str]] = {}
    for offer in offers:
        roles.setdefault(offer.sop_class, set()).add(offer.role)
    order = [*CATEGORIES, "Workflow Management", "Query/Retrieve"]
    for category in order:
        for sop_class in sorted((uid for uid in roles if _find_category(uid) == category), key=name):
            yield category, sop_class, "SCU" in roles[sop_class], "SCP" in roles[sop_class]


def merge(offers: Iterable[Offer]) -> list[Offer]:
    """Return one offer for each SOP class and role, with all its transfer syntaxes."""
    merged: dict[tuple[str, str], dict[str, None]] = {}
    for offer in offers:
        merged.setdefault((offer.sop_class, offer.role), {}).update(dict.fromkeys(offer.transfer_syntaxes))
    return [Offer(sop_class, tuple(syntaxes), role) for (sop_class, role), syntaxes in merged.items()]


def _find_category(sop_class: str) -> str:
    for category, members in CATEGORIES.items():
        if sop_class in members:
            return category
    return "Query/Retrieve" if "Query/Retrieve" in name(sop_class) else "Workflow Management"


def _read(contexts: Iterable[PresentationContext], received: Sequence[str]) -> list[Offer]:
    """Read our proposals; role selection makes us the SCP of `received` SOP classes (PS3.7 D.3.3.4)."""
    return [
        Offer(
            str(context.abstract_syntax),
            tuple(map(str, context.transfer_syntax)),
            "SCP" if context.abstract_syntax in received else "SCU",
        )
        for context in contexts
    ]
