"""Reports from the results database: figures of a period, as text, CSV, JSON, HTML and PDF.

Files, from the question to the page:

- `settings`: time zone, organisation, reference period and threshold of drift.
- `period`: the days that a report is about, their months and weeks.
- `figures`: everything that a report says, as data.
- `composition`: puts it together from what `db.counts.report_counts` and `db.counts.read_films` count.
- `agreement`: models against radiologists' reads.
- `site_threshold/`: the site's own threshold, from its reads.
- `drift`: are films and scores still what they were?
- `wording`: how a figure is written.
- `sections`: the report in words and tables, the same for people in a terminal, in HTML and in PDF.
- `text_form`: as text.
- `csv_form`: as one long table, for a spreadsheet.
- `tiles`: the few figures that a reader sees first.
- `drawings`: the pictures, drawn into axes that are given.
- `drift_drawing`: that of drift.
- `html_form`: as one HTML file (`templates/`).
- `pdf_form`: as PDF, laid out by Typst (`templates/period.typ`).
- `templates/`: pages and style.

This room imports `db`, `figures`, `judging` and `domain`, and counts nothing in Python that a
database can count.
"""
