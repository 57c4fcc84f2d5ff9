"""Parts of the reports of training and of the results database: figures, tables and style.

- `svg_figure`: Matplotlib figures as SVG in a page.
- `text_table`: report tables whose cells are text.
- `report_page`: the Jinja environment of the HTML reports.
- `templates/`: the style sheet of the reports.

Of the rooms, it imports `domain` alone.
"""
