"""Backup and restore.

- `backup_file`: a backup as one ZIP file with a manifest.
- `creation`: one state of the database into a file, while the service runs.
- `restoration`: a file into the database, all or nothing.
"""
