"""From a caller's C-STORE to a film that is durable and written down.

- `caller_settings`: who may call, and from where.
- `storage_scp`: takes C-STORE and C-ECHO.
- `listener`: a port, plain or TLS.
- `admission`: who gets an association, and with which rejection the others are sent away.
- `refusal_log`: refusals in the log, counted, so that nobody floods it.
- `film_reception`: a film is durable and written down before it is answered.
- `film_description`: what the database keeps of a film, read from its header.
- `open_ports`: the TCP ports, which several processes may share.
- `retention`: takes files out of the spool when their films are done with.
- `spool_adoption`: films in the spool that the database does not know are received once more.
"""
