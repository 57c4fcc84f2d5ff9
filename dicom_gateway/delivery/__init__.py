"""The courier: builds report objects, delivers them to peers and requests storage commitment.

- `courier`: the loop that reports, delivers and requests commitment.
- `report_round`: builds objects from the screenings and refusals in the outboxes.
- `delivery_rules`: selects the peers for each kind of object.
- `peer_breaker`: pauses deliveries to a peer in trouble.
- `sent_objects`: SOP classes and transfer syntaxes of sent objects, as tables.
- `storage_scu`: sends objects by C-STORE; tells transient from permanent failures.
- `commitment_settings`: the settings of storage commitment.
- `commitment_round`: requests commitment; sends again or parks objects that are not committed.
- `commitment_scu`: sends the commitment request (N-ACTION).
- `commitment_events`: receives the peer's report (N-EVENT-REPORT), on any association.
"""
