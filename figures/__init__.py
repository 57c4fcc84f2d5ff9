"""Plots for the reports of training and of the results database.

- `svg_figure`: Matplotlib figures as SVG in a page.

It imports `domain` alone, of the rooms.
"""
