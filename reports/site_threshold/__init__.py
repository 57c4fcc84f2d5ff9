"""The site's own threshold, from its radiologists' reads.

- `record`: the record that is signed, and its standing to WHO's least.
- `derivation`: the choice of the threshold, and its figures out of fold.
- `sheet`: one record as text.
"""
