"""All content of a database, out and in.

- `table_rows`: rows of a table as plain values for either kind of database; which columns are large.
- `content_swap`: replaces the content of a database in one transaction.
"""
