"""The bundle, a deployable model: its files, and what its scores mean.

- `manifest`: the description of a bundle, its operating points and the digests of its files.
- `graph_structure`: the layers that a bundle's network may contain.
- `bundle`: a bundle on disk: opened with all checks, written.
- `calibration`: score to probability, for a prevalence.
- `triage`: score to finding and priority.
"""
