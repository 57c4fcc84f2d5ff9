"""The courier: builds report objects, delivers them to peers and requests storage commitment.

- `courier`: reports, delivers and requests commitment; its loop is that of `sending`.
- `delivery_outbox`: the table of deliveries, for that loop.
- `report_round`: builds objects from the screenings and refusals in the outboxes.
- `film_conditions`: conditions on films, in the rules of peers and of HL7 receivers.
- `delivery_rules`: selects the peers for each kind of object.
- `sent_objects`: SOP classes and transfer syntaxes of sent objects, as tables.
- `delivery_attempt`: one attempt to send an object; transient and permanent failures.
- `storage_scu`: sends objects by C-STORE.
- `stow_scu`: sends objects by STOW-RS.
- `stow_answer`: judges the answers to Store requests.
- `commitment_settings`: the settings of storage commitment.
- `commitment_round`: requests commitment; sends again or parks objects that are not committed.
- `commitment_scu`: sends the commitment request (N-ACTION).
- `commitment_roles`: refuses storage commitment in another role than that of the SCP.
- `commitment_events`: receives the peer's report (N-EVENT-REPORT), on any association.
"""
