"""A calibration study of this installation, for the commands `tbscreen study …` and the page.

- `site_study`: a study's plan, progress, analysis and end.
- `local_studies`: the same for the page.
"""
