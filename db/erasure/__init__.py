"""Erasure: everything about a patient goes, and goes again after a restore of an older backup.

- `digests`: keyed digests of films, tests and patients, for a register without patient data.
- `dependent_rows`: rows with all rows that refer to them.
- `patient_data`: finds the films, results and corrections of a patient, and erases them.
- `erased_files`: files of erased films, until their gateways have deleted them.
- `erasures`: the register, and all of its erasures again.
"""
