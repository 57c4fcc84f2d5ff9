"""The mutants, a file for each part of docs/administrator/security.md.

- `dicom_port`: callers, floods, sizes, headers.
- `dicomweb_port`: senders, sizes, deadlines.
- `canary_films`: recognition of canary films, their scores.
- `pixels_and_names`: decoders, answers of peers, names.
- `redis`: messages.
- `bundles_and_backups`: bundles, weights, backups, the dossier.
- `page`: login, sessions, requests.
- `person_thresholds`: thresholds by age and sex.
- `proxy_login`: login by a reverse proxy.
- `languages`: the page's language.
- `hl7_receivers`: values of messages, answers of receivers.
- `laboratory_files`: bacteriology results, and their studies.
- `laboratory_messages`: bacteriology results by HL7.
- `erasure`: erasure by patient, and its register.
- `notices`: receivers of notices.
- `leaks`: secrets, patient data, code in data.
- `without`: lines without a mutant.
"""

from typing import Final

from tests.mutants.guards import (
    bundles_and_backups,
    canary_films,
    dicom_port,
    dicomweb_port,
    erasure,
    hl7_receivers,
    laboratory_files,
    laboratory_messages,
    languages,
    leaks,
    notices,
    page,
    person_thresholds,
    pixels_and_names,
    proxy_login,
    redis,
)
from tests.mutants.mutant import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (
    *dicom_port.MUTANTS,
    *dicomweb_port.MUTANTS,
    *canary_films.MUTANTS,
    *pixels_and_names.MUTANTS,
    *redis.MUTANTS,
    *hl7_receivers.MUTANTS,
    *notices.MUTANTS,
    *bundles_and_backups.MUTANTS,
    *page.MUTANTS,
    *person_thresholds.MUTANTS,
    *proxy_login.MUTANTS,
    *languages.MUTANTS,
    *laboratory_files.MUTANTS,
    *laboratory_messages.MUTANTS,
    *erasure.MUTANTS,
    *leaks.MUTANTS,
)
