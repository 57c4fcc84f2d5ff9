"""HL7 v2 messages: results on their way to systems without DICOM, such as RIS and interface engines.

- `message_settings`: the settings `[hl7]` and `[[hl7.receivers]]`.
- `segments`: segments from values: escaping, components, repetitions, times.
- `patient_segment`: PID: identifiers, names with components, birth date, sex.
- `order_segments`: ORC and OBR: placer and filler numbers, result status.
- `observations`: OBX: finding, percentage, threshold, model, link, remarks.
- `result_message`: the whole ORU^R01^ORU_R01: result, correction, withdrawal, refusal.
- `told_film`: the messages that a receiver needs, from what it was told before.
- `message_round`: makes the messages that receivers get of finished and changed films.
- `mllp_connection`: frames over TCP or TLS (MLLP, release 1).
- `acknowledgement`: AA, AE and AR, and which of them are final.
- `message_sender`: sends stored messages to a receiver and judges its answers.
- `message_courier`: makes and sends; its loop is that of `sending`.
"""
