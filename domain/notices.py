"""The notices that every output carries."""

from __future__ import annotations

from typing import Final

NOT_VERIFIED: Final = "AI result, not verified by a physician"

NOTICE: Final = f"{NOT_VERIFIED}. Research software, not a medical device."
