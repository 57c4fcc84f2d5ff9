"""Everything that speaks DICOM, and the way from pixels to the array that a model takes.

Packages and files, in the order in which a film meets them; each package's docstring lists its files:

- `settings`: AE titles, ports, peers, limits.
- `library_settings`: what a process wants of pydicom and pynetdicom.
- `association/`: connections to other application entities: titles, TLS, sockets, what is negotiated.
- `reception/`: from a caller's C-STORE to a film that is durable and written down.
- `retrieval/`: films from a PACS that cannot route.
- `audit/`: who had to do with which patient's films.
- `log_redaction`: keeps what libraries quote of headers out of what a process writes.
- `dataset_limits`: what a dataset may take of the disk while it comes.
- `header_stream`: what a header is read from, with limits.
- `dataset_header`: reads a dataset strictly up to its pixels; what it says of film, study and patient.
- `spool`: the files that a gateway holds.
- `preparation_loop`: takes films from the spool as they become due, and hands their arrays to the broker.
- `preparation_process`: the child process in which they are prepared.
- `preparation_message`: what the two say to each other, checked.
- `preparation`: eligible? then decoded and normalized.
- `rules/`: which films may be screened; if not, a coded refusal.
- `pixels/`: from a film's file to the array that a model takes.
- `dispatch`: hands the message to the broker.
- `metrics`: what gateway and courier count.
- `identifiers`: UIDs of what tbscreen makes, derived from what they describe.
- `results/`: what is made of a screened or refused film: SR documents and pictures.
- `delivery/`: the courier: who gets what was made, and whether it came and was kept.
- `deidentification/`: export of read films without patient data.
- `query/`: the worklist by C-FIND.
- `conformance/`: the DICOM Conformance Statement, made of the tables here.

This room imports `db` and `domain`, and no Keras.
"""
