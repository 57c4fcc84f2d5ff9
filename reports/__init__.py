"""Reports from the results database: figures of a period, as text, CSV, JSON, HTML and PDF.

Files, from the question to the page:

- `settings`: time zone, organisation, reference period and threshold of drift.
- `period`: the days that a report is about, their months and weeks.
- `figures`: everything that a report says, as data.
- `composition`: puts it together from what `db.report_figures` and `db.read_films` count.
- `agreement`: models against radiologists' reads.
- `drift`: are films and scores still what they were?
- `wording`: how a figure is written.
- `sections`: the report in words and tables, the same for people in a terminal, in HTML and in PDF.
- `text_form`: as text.
- `csv_form`: as one long table, for a spreadsheet.

This room takes from training its statistics and its SVG figures, and counts nothing in Python that a
database can count.
"""
