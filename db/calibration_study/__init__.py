"""Calibration studies: a site's people with scores, of whom a sample is tested.

- `studies`: a study's beginning and end.
- `people`: enrolment of people as their films are screened, their tests, and their results.
"""
