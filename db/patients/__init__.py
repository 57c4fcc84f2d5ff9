"""Patients: which patient a film belongs to, where films name different ones.

- `reconciliations`: corrections by administrators, and how later films follow them.
- `film_lines`: films under one SOP Instance UID, apart by patient and study.
- `conflicts`: films of different patients or studies under one UID, until a person decides.
- `patient_studies`: the studies of a patient ID, however headers write it.
- `patient_changes`: merge, move and split.
- `conflict_resolution`: a person's decision on a conflict.
- `patient_check`: films that a version without notices and conflicts received.
- `film_notices`: compares the patient of each film with its study's.

Nothing here changes a finding or a priority.
"""
