"""Lines of the threat model without a mutant, with the reason."""

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, str]] = {
    "any byte of a film changed": "the guards are those of the lines above; the fuzzer finds what no line names",
}
