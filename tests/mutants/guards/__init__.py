"""The mutants, a file for each part of docs/administrator/security.md.

- `dicom_port`: callers, floods, sizes, headers.
- `pixels_and_names`: decoders, answers of peers, names.
- `redis`: messages.
- `bundles_and_backups`: bundles, weights, backups.
- `page`: login, sessions, requests.
- `leaks`: secrets, patient data, code in data.
- `without`: lines without a mutant.
"""

from typing import Final

from tests.mutants.guards import bundles_and_backups, dicom_port, leaks, page, pixels_and_names, redis
from tests.mutants.mutant import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (
    *dicom_port.MUTANTS,
    *pixels_and_names.MUTANTS,
    *redis.MUTANTS,
    *bundles_and_backups.MUTANTS,
    *page.MUTANTS,
    *leaks.MUTANTS,
)
