"""Keyed digests: who has the register and not the key can neither read it nor try patient IDs on it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from domain.patient_identity import fold_issuer, fold_patient_id

KEY_ID_LENGTH: Final = 16

ANY: Final = "any issuer"
NONE: Final = "no issuer"


class Digests:
    """HMAC-SHA-256 (RFC 2104) with a site's key.

    Args:
        key: secret; of 32 bytes or more.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = hashlib.sha256(key).hexdigest()[:KEY_ID_LENGTH]

    def of_film(self, sop_instance_uid: str, dataset_sha256: str) -> str:
        """Return the digest of a film revision."""
        return self._digest("film", sop_instance_uid, dataset_sha256)

    def of_test(self, subject: str) -> str:
        """Return the digest of a bacteriological test (`db.bacteriology.results.NewResult.name_subject`)."""
        return self._digest("test", subject)

    def of_erased(self, patient_id: str, issuer: str | None) -> set[str]:
        """Return the digests by which an erased patient is recognized: of this issuer, or of all (None)."""
        patient, named = fold_patient_id(patient_id), fold_issuer(issuer)
        issuers = (f"issuer {named}", NONE) if named else (ANY,)
        return {self._digest("patient", patient, each) for each in issuers}

    def of_patient(self, patient_id: str | None, issuer: str | None) -> set[str]:
        """Return the digests of a patient in a row; one of them is an erased patient's if it is that one."""
        patient, named = fold_patient_id(patient_id), fold_issuer(issuer)
        issuers = (ANY, f"issuer {named}" if named else NONE)
        return {self._digest("patient", patient, each) for each in issuers} if patient else set()

    def _digest(self, *parts: str) -> str:
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()
