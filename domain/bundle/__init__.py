"""The bundle, a deployable model: its files, and the meaning of its scores.

- `manifest`: the description of a bundle, its operating points and the digests of its files.
- `graph_structure`: the layers that a bundle's network may contain.
- `bundle`: a bundle on disk: opened with all checks, written.
- `seal`: golden scores and signatures of a bundle, beside its folder.
- `calibration`: probabilities of scores, for a prevalence.
- `triage`: findings and priorities of scores.
- `tb_score`: the scale for people, 0 to 100.
"""
