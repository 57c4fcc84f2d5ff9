"""Real servers, started as separate processes on free ports in temporary folders, and stopped again.

- `ports`: free ports, and waiting for a condition with a deadline.
- `database`: PostgreSQL.
- `redis`: Redis.
- `gateway`: a gateway process alone.
- `pacs`: Orthanc and DCMTK.
- `peers`: other peers, which behave as they are told.

Where a program is missing the test is skipped, and says which Debian package has it.
"""
