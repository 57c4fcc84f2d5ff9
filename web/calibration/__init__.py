"""The pages of calibration studies, under `/calibration`.

- `studies`: the studies of an installation, which this room does not compute; the front door passes them in.
- `forms`: plan and policy as forms.
- `study_pages`: plan, progress, people to test and their results, analysis, end.
"""
