"""The bundle, a deployable model: its files, and what its scores mean.

- `bundle`: manifest, digests, and what a graph may contain.
- `calibration`: score to probability, for a prevalence.
- `triage`: score to finding and priority.
"""
