"""Application entity titles in the settings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def _check_ae_title(value: str) -> str:
    """Check an AE title (PS3.5 6.2, VR AE): 1 to 16 printable characters, no backslash, not only spaces."""
    if not re.fullmatch(r"[\x20-\x5b\x5d-\x7e]{1,16}", value) or not value.strip():
        raise ValueError("an AE title has 1 to 16 printable ASCII characters, no backslash")
    return value.strip()


AeTitle = Annotated[str, AfterValidator(_check_ae_title)]
"""Application entity title (PS3.5 6.2, VR AE)."""
