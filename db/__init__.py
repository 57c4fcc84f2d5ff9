"""The database: tables, states, queries and migrations.

- `settings`: the database URL.
- `database`: the engine; `Database.write()` and `Database.read()` open sessions.
- `commit_watch`: tells loops that wait for rows whether anything was committed.
- `retrying`: repeats a transaction that the server ended or could not take.
- `group_commit`: lets threads that write at the same time share a transaction of SQLite.
- `clock`: the time of the server, for leases and due times.
- `schema`: brings a database to the newest migration (`migrations/`).
- `states`: state machines: tables of allowed transitions.
- `durations`: the time between two moments, in SQL.
- `entries`: dataclasses made from rows.
- `tables/`: all tables, by subject.
- `films/`: a film: received, prepared, queued, screened or refused.
- `patients/`: films that name different patients.
- `bacteriology/`: results of bacteriological tests, and their studies.
- `erasure/`: erasure by patient, and its register.
- `calibration_study/`: calibration studies, their people and tests.
- `models/`: bundles, their activation, comparisons, thresholds of a site.
- `delivery/`: outboxes, reports, deliveries, storage commitment.
- `hl7/`: HL7 messages to receivers.
- `canary/`: canary films, which tell whether films are scored, and as before.
- `notices/`: events of which people and programs are told.
- `pulls/`: studies that are fetched from a PACS.
- `worklist/`: studies by suspicion, and their reads.
- `counts/`: counts for reports and monitoring.
- `accounts/`: users, sessions, tokens, failed logins.
- `backup/`: the rows of all tables, out and in.

This room imports `domain` alone, of the rooms.
"""
