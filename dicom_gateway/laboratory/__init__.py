"""Bacteriology results of laboratories as HL7 v2 messages (ORU^R01), by MLLP.

- `laboratory_settings`: the settings `[hl7.results]`.
- `message_fault`: what is wrong with a message, with segment and field.
- `laboratory_codes`: codes and words of tests and of their results.
- `oru_message`: a message from bytes to results.
- `answer`: the acknowledgement of a message.
- `result_intake`: records the results of a message and answers it.
- `result_listener`: the port, with its limits.
"""
