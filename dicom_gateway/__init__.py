"""Everything that speaks DICOM, and the way from pixels to the array that a model takes.

Packages and files, in the order in which a film meets them; each package's docstring lists its files:

- `settings`: AE titles, ports, peers, limits.
- `library_settings`: what a process wants of pydicom and pynetdicom.
- `association/`: associations with other application entities: titles, TLS, sockets, negotiation.
- `reception/`: from a caller's C-STORE to a film that is durable and recorded.
- `retrieval/`: films from a PACS that cannot route.
- `audit/`: audit records of access to patients' films.
- `log_redaction`: keeps header values that libraries quote out of the logs.
- `dataset_limits`: limits of a dataset while it comes.
- `header_stream`: the limited stream from which a header is read.
- `dataset_header`: reads a dataset strictly up to its pixels.
- `spool`: the files that a gateway holds.
- `preparation/`: from the spool, by a child process, to an array or a refusal.
- `rules/`: decisions on films: screened, or refused with a code.
- `pixels/`: from a film's file to the array that a model takes.
- `dispatch`: hands the message to the broker.
- `metrics`: metrics of gateway and courier.
- `identifiers`: UIDs of tbscreen's objects, derived from their sources.
- `results/`: SR documents and pictures of screened and refused films.
- `delivery/`: the courier: sends objects to peers, and requests storage commitment.
- `deidentification/`: export of read films without patient data.
- `query/`: the worklist by C-FIND.
- `conformance/`: the DICOM Conformance Statement, made from the tables here.

This room imports `db` and `domain`, and no Keras.
"""
