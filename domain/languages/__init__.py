"""The languages of pages, reports and burned-in text: gettext catalogues, and the fonts that scripts need.

- `sentence`: English text that remembers its message and values, to be translated where it is shown.
- `language`: the languages, and the one that a browser prefers.
- `catalogue`: the messages of one language, read once from its file in `catalogues/`.
- `catalogues/`: one PO file for each language; `python -m tests.catalogues` renews them from the sources.
- `fonts/`: fonts under the SIL Open Font License 1.1 (`OFL.txt`).

English is the language of the sources. REST, names of CSV columns, logs and the command line stay English.
"""
