"""Reception: answers C-STORE after the film is durable in the spool and recorded in the database.

- `caller_settings`: settings of the allowed callers.
- `storage_scp`: answers C-STORE and C-ECHO.
- `port_watch`: ends a process whose port takes no connections any more.
- `listener`: accepts associations at a port, plain or TLS.
- `admission`: accepts association requests, or rejects them with a code.
- `refusal_log`: logs refusals with counts, so that callers cannot flood the log.
- `film_reception`: makes a film durable and records it before the answer.
- `film_description`: the row of a film, read from its header.
- `open_ports`: the TCP ports, which several processes may share.
- `retention`: deletes files from the spool when their films are done.
- `spool_adoption`: receives films in the spool that have no row in the database.
"""
