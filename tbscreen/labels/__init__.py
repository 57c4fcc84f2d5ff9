"""Export of labels.

- `pseudonyms`: keyed hashes in place of names.
- `label_export`: read films as pictures and labels, without patient data.
"""
