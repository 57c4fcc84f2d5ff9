"""Processes and their supervisor.

- `logs`: structured logs, without patient data.
- `process_life`: database and readiness of every process.
- `process_signals`: the signals that end a process.
- `gateway`: the gateway.
- `listeners`: further processes that receive for one gateway.
- `pull_parts`: the parts of a pull, out of the settings.
- `worker`: the worker.
- `courier`: the courier.
- `notice_parts`: the courier of notices, with drift and the audit trail.
- `web`: the page.
- `audit_trail`: the audit trail of a process.
- `settings_audit`: the record of the settings in force at a start.
- `page_audit`: audit records of the page.
- `report_page`: the report that the page shows.
- `private_redis`: the Redis of an installation on one machine.
- `supervisor`: starts, watches and ends processes.
- `process_records`: the numbers of its processes, on disk.
- `undertaker`: ends the processes of a supervisor that was killed.
- `port_check`: the ports of a service are free.
- `serve`: the whole service on one machine.
"""
