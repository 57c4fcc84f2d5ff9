"""Reports on their way to peers.

- `outbox`: screenings that wait to be reported.
- `refusal_outbox`: refused films that wait to be reported.
- `unbuilt_reports`: reports that could not be built: parked, shown, tried again.
- `report_objects`: reports, as the bytes that are sent.
- `study_objects`: reports of the films that stand in a study, for retrieval.
- `deliveries`: each report on its way to each peer: leased, sent, retried, parked.
- `delivery_events`: the history of each delivery.
- `replays`: replays by a person, of all that is parked.
- `commitments`: which reports a peer answers for, and which are sent again.
- `commitment_requests`: storage commitment requests, and the peers' reports on them.
"""
