"""Sending of rows of an outbox to receivers: leases, retries, pauses; for reports, HL7 messages and notices.

- `send_result`: delivered, transient, permanent.
- `receiver_breaker`: pauses for a receiver in trouble.
- `receiver_jobs`: one thread for each receiver and kind of job.
- `outbox_loop`: the loop that makes rows, and sends those that are due.
"""
