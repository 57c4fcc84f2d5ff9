"""Audit records (PS3.15 A.5) of all access to patients' films.

- `audit_settings`: the settings of audit records.
- `audit_trail`: makes a record of each event (PS3.15 A.5.3).
- `audit_message`: encodes a record as XML.
- `audit_log`: writes records to a file, a repository or both.
- `audit_file`: the file that records are appended to.
- `audit_reading`: the newest records, read from the files.
- `syslog_sender`: sends records to a repository.
"""
