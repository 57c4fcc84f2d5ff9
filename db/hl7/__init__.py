"""HL7 messages on films, to receivers that speak no DICOM.

- `hl7_outbox`: films of which receivers are to be told.
- `standing_films`: the result or refusal that stands for a film now, with its patient and study.
- `hl7_messages`: the messages, as the bytes that are sent: leased, acknowledged, retried, parked.
- `received_messages`: answers to messages of laboratories.
- `message_list`: the messages for `tbscreen deliveries hl7`, and their replay.
"""
