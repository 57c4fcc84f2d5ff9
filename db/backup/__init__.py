"""The content of a database: read for a backup, replaced by a restore.

- `table_rows`: rows of a table as plain values for either kind of database; which columns are large.
- `backup_log`: completed backups, for their age.
- `restore_target`: the database that a restore empties and fills, in one transaction.
"""
