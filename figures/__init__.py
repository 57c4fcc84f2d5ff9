"""Parts of the reports of training and of the results database: figures, tables and style.

- `svg_figure`: Matplotlib figures as SVG in a page.
- `text_table`: a table ready as text.
- `report_page`: the Jinja environment of the HTML reports.
- `templates/`: their style.

It imports `domain` alone, of the rooms.
"""
