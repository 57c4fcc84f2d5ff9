"""The courier: who gets what was made, and whether it came and was kept.

- `courier`: brings what was made of films to the peers.
- `report_round`: takes screenings and refusals from their outboxes and makes objects of them.
- `delivery_rules`: which peer gets which kind of object.
- `peer_breaker`: leaves a peer that is in trouble in peace for a while.
- `sent_objects`: SOP classes and transfer syntaxes of what is sent, as tables.
- `storage_scu`: sends objects to a peer; tells transient failures from permanent ones.
- `commitment_settings`: how peers are asked to answer for what they were sent.
- `commitment_round`: whom the courier asks, and what follows from what peers say or do not say.
- `commitment_scu`: asks a peer to answer for objects (storage commitment).
- `commitment_events`: takes the peer's report on it, on whichever association.
"""
