"""Mutated DICOM files, sent to a real gateway: `python -m tests.fuzzing --files 10000`.

Files, in the order in which a film meets them:

- `sources`: the real files that mutations start from.
- `mutations`: what is done to their bytes; the same seed gives the same bytes.
- `campaign`: sends them, and waits until each has its status and, if it was taken, its end.
- `reports`: builds the reports of what was screened or refused, and reads them again.
"""
