"""The proof that nothing is lost and nothing is doubled: the real stack, distributed, while its parts die.

`python -m chaos` starts PostgreSQL, Redis, Orthanc, two gateways, two workers and a courier, sends films over
four associations, injects faults by a seeded schedule, and at the end compares what the senders were told
with what stands in the database and in the PACS. docs/developer/chaos.md says how to run and read it.

- `films`: the films that are sent, each another; some of them poisoned.
- `kept_process`: a process that is started again when it dies, as a service manager does.
- `jumped_clock`: a wall clock that jumps, for one process.
- `servers`: PostgreSQL, Redis and Orthanc as kept processes.
- `pacs_door`: stands in front of the PACS and can refuse, cut and close.
- `receiver_faults`: what can be done to the HL7 receiver.
- `message_verdict`: HL7 messages that were made, and those that came.
- `poisonable_worker`: a worker that a poisoned film kills.
- `site`: all of them together, with the settings of a hurried site.
- `sender`: four associations that send until they are answered with success, and what they were answered.
- `observer`: watches the database for films that are done.
- `faults`: what can be done to a site.
- `schedule`: when it is done, by a seed.
- `verdict`: what is lost, doubled, stuck.
- `run`: one run from start to verdict.
- `table`: what is printed.
"""
