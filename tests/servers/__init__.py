"""Real servers, started as separate processes on free ports in temporary folders, and stopped again.

- `ports`: free ports, and waiting for a condition with a deadline.
- `database`: PostgreSQL.
- `redis`: Redis.
- `pacs`: Orthanc and DCMTK.

Where a program is missing the test is skipped, and says which Debian package has it.
"""
