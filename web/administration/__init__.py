"""The pages of administrators, under `/administration`: those of the commands for daily work.

- `installation`: the parts of an installation that web cannot see itself; the front door passes them in.
- `administration_page`: the parts that the pages share.
- `background`: long work that a page starts and whose end it shows.
- `question`: questions before actions that take something away.
- `status_page`: checks, processes, queues, stations.
- `deliveries_page`: reports on their way to peers.
- `messages_page`: HL7 messages on their way to receivers.
- `notices_page`: notices on their way to receivers.
- `accounts_page`: users and tokens.
- `models_page`: bundles, the shadow, thresholds.
- `erasures_page`: erasure of a patient, and what was erased.
- `record_pages`: audit records, and settings in force.
"""
