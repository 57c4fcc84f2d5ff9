"""The commands that choose a site's own threshold.

- `calibrate`: from reads or bacteriology that are there; activation and rollback.
- `study_options`: options that the commands of `study` share.
- `study`: by a calibration study, from its plan to a signed threshold.
"""
