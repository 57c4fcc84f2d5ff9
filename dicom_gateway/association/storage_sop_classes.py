"""The storage SOP classes that are accepted (PS3.4 B.5).

Every class is accepted. Objects that cannot be screened are stored and refused with a row, so that a PACS
that routes everything sees no failures and every refusal is recorded.

pydicom 3.0 has the table of PS3.6 A only under a private name. pynetdicom 3.0 has no service for most retired
classes: it aborts the association at their first C-STORE. Not reported upstream; send the retired Ultrasound
Image Storage (1.2.840.10008.5.1.4.1.1.6) to an AE that supports it.
"""

from __future__ import annotations

from typing import Final

from pydicom._uid_dict import UID_dictionary
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import register_uid, uid_to_service_class

STORAGE_SOP_CLASSES: Final = tuple(
    uid
    for uid, (name, kind, *_) in UID_dictionary.items()
    if kind == "SOP Class"
    and "Storage" in name
    and "Storage Commitment" not in name
    and "Directory" not in name
)
"""Every composite storage SOP class of PS3.6 A, retired ones included."""

for _uid in STORAGE_SOP_CLASSES:
    if uid_to_service_class(_uid) is ServiceClass:
        register_uid(_uid, UID_dictionary[_uid][4], StorageServiceClass)
