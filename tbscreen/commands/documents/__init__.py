"""Commands that write documents about an installation.

- `conformance`: the DICOM Conformance Statement.
- `dossier`: everything that an assessor asks for.
"""
