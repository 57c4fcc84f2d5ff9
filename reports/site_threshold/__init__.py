"""The site's own threshold, from its reads or its bacteriology.

- `record`: the record of a derivation, and its comparison with WHO's minimum.
- `derivation`: the choice of the threshold, and its out-of-fold figures.
- `equivalent`: the threshold at which a new bundle refers as many films as the one in use.
- `sheet`: a record as text.
"""
