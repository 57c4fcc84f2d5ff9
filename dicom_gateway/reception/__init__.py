"""Reception: from a caller's C-STORE to a film that is durable and recorded.

- `caller_settings`: settings of the allowed callers.
- `storage_scp`: takes C-STORE and C-ECHO.
- `listener`: a port, plain or TLS.
- `admission`: accepts association requests, or rejects them with a code.
- `refusal_log`: refusals in the log, counted, so that callers cannot flood it.
- `film_reception`: makes a film durable and records it before the answer.
- `film_description`: the row of a film, read from its header.
- `open_ports`: the TCP ports, which several processes may share.
- `retention`: takes files out of the spool when their films are done with.
- `spool_adoption`: films in the spool that the database does not know are received once more.
"""
