"""Patients: which patient a film belongs to, where films name different ones.

- `film_notices`: compares the patient of each film with its study's.

Nothing here changes a finding or a priority.
"""
