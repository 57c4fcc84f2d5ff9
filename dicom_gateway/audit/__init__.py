"""Audit records (PS3.15 A.5) of all access to patients' films.

- `audit_settings`: whether and where audit records go.
- `audit_trail`: what is recorded (PS3.15 A.5.3).
- `audit_message`: a record as XML.
- `audit_log`: where audit records go.
- `audit_file`: the file that records are appended to.
- `syslog_sender`: sends them to a repository.
"""
