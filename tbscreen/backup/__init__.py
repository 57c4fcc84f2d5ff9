"""Backup and restore.

- `backup_file`: a backup as one ZIP file with a manifest.
- `erasure_register`: the register of erasures as a file, which a restore reads.
- `creation`: one state of the database into a file, while the service runs.
- `restoration`: a file into the database, all or nothing.
"""
