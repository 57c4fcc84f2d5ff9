"""Checks of an installation, each with advice.

- `check`: the result of one check.
- `examination`: all checks in order.
- `gateway_process`: the process that listens on the gateway's port.
- `settings_checks`: the settings file.
- `broker_checks`: the broker.
- `certificate_checks`: certificates and keys.
- `answer_checks`: senders from which peers' answers are believed.
- `film_checks`: films that do not end, reports that are not built or delivered.
- `canary_checks`: canary films.
- `message_checks`: HL7 receivers and messages.
- `notice_checks`: receivers of notices.
- `pull_checks`: peers that are pulled from.
- `tracing_checks`: the collector.
- `referral_checks`: the share of people referred, against the expected one.
- `shipped_checks`: the bundle of this version, where an older one is active.
- `gpu_proof`: `doctor --gpu`: scores and speed of each device.
"""
