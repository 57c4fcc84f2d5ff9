"""HTML pages.

- `pages`: templates, and names, dates and probabilities as text.
- `form_values`: numbers, choices and days of forms.
- `worklist_page`: the worklist.
- `film_tokens`: tokens of films that the page has drawn.
- `film_tiles`: parts of films at full resolution, drawn by a gateway.
- `study_page`: one study, its films, its reads.
- `score_scale`: a score beside the operating points.
- `history`: events of a study.
- `account_page`: change of the own password.
- `patients_page`: conflicts, merge, move and split, for administrators.
- `report_page`: the report for managers.
"""
