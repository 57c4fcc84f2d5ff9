"""The commands `tbscreen patients …`: conflicts, corrections, erasure.

- `conflicts`: films of different patients or studies under one UID, and a person's decision.
- `erasure`: everything about a patient erased; the register of erasures.
- `corrections`: merge, move and split; `patients_app` has all commands.
"""
