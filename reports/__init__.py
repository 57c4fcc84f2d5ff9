"""Reports from the results database: figures of a period, as text, CSV, JSON, HTML and PDF.

Files, from the request to the page:

- `settings`: time zone, organisation, reference period and threshold of drift.
- `period`: the days of a report, with their months and weeks.
- `figures`: all contents of a report, as data.
- `composition`: composition of a report from the counts of `db.counts.report_counts` and
`db.counts.read_films`.
- `agreement`: agreement of models with reads or bacteriology.
- `reader_figures`: reads by reader, with kappa.
- `truth_words`: words for reads and bacteriology.
- `site_threshold/`: the site's own threshold, from its reads or its bacteriology.
- `calibration_study/`: the calibration study of a site: plan, analysis, threshold.
- `person_groups`: groups of people by age and sex.
- `drift`: drift of films and scores, by the population stability index.
- `wording`: figures as text.
- `sections/`: sections of words and tables, the same in text, HTML and PDF.
- `text_form`: a report as text.
- `csv_form`: a report as one long table, for a spreadsheet.
- `tiles`: the main figures, at the top of a report.
- `drawings`: the plots of a report.
- `drift_drawing`: the plot of drift.
- `page`: the content of a page, which HTML and PDF lay out.
- `html_form`: a report as one HTML file (`templates/`).
- `pdf_form`: a report as PDF, laid out by Typst (`templates/page.typ`).
- `templates/`: pages and style.

This room imports `db`, `figures`, `judging` and `domain`. The database counts everything that it can count.
"""
