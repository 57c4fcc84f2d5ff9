"""The commands `tbscreen deliveries`.

- `deliveries`: `list`, `show`, `unbuilt`, `replay`: reports on their way to peers.
- `hl7_messages`: `hl7 list`, `show`, `replay`: HL7 messages on their way to receivers.
- `moments`: times as options give them.
"""
