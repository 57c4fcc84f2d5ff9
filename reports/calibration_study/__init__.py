"""The calibration study of a site: its plan, its analysis, and the threshold that comes of it.

- `plan`: people, tests and weeks for a wanted precision, from the site's own films.
- `person_cells`: thresholds by age and sex.
- `cell_section`: these in words.
- `cell_records`: these as records that are signed.
- `analysis`: accuracy at each threshold, groups, costs, and the threshold that a policy recommends.
- `score_bands`: names, table and picture of score bands.
- `progress`: plan and progress in words and tables.
- `pages`: the analysis in words, tables and pictures.
- `site_threshold`: the recommended threshold as a record that is signed.
"""
