"""The site's own threshold, from its reads or its bacteriology.

- `record`: the record of a derivation, and its comparison with WHO's minimum.
- `derivation`: the choice of the threshold, and its out-of-fold figures.
- `sheet`: a record as text.
"""
