"""The commands `tbscreen patients …`: films that name different patients.

- `conflicts`: films of different patients or studies under one UID, and a person's decision.
- `corrections`: merge, move and split; `patients_app` has all commands.
"""
