"""Read films without patient data, for training elsewhere (PS3.15 Annex E).

- `pseudonyms`: keyed hashes in place of names.
- `label_export`: films as PNG files and one CSV of labels.
"""
