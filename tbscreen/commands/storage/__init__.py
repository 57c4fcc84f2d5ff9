"""The commands `tbscreen renditions …` and `tbscreen spool …`: what films take in database and spool.

- `renditions`: pictures of old, read studies.
- `spool`: files of films that another gateway has taken over.
"""
