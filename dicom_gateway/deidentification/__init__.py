"""Read films without patient data, for training elsewhere (PS3.15 Annex E).

- `pseudonyms`: keyed hashes as pseudonyms.
- `label_export`: exports films as PNG files and a CSV of labels.
"""
