"""The DICOM gateway and courier, and the conversion of pixels to the array for a model.

Packages and files, in the order in which a film meets them; each package's docstring lists its files:

- `settings`: AE titles, ports, peers, limits.
- `library_settings`: process-wide settings of pydicom and pynetdicom.
- `association/`: associations with other application entities: titles, TLS, sockets, negotiation.
- `reception/`: answers C-STORE after the film is durable and recorded.
- `dicomweb/`: receives films by STOW-RS, answers QIDO-RS and WADO-RS.
- `retrieval/`: films from a PACS that cannot route.
- `audit/`: audit records of access to patients' films.
- `log_redaction`: keeps header values quoted by libraries out of the logs.
- `dataset_limits`: limits of a dataset while it is received.
- `incoming_dataset`: a dataset that is being written to its file.
- `header_stream`: the limited stream from which a header is read.
- `dataset_header`: reads a dataset strictly up to its pixels.
- `source_uids`: UIDs of films, also those that break the rules.
- `spool`: the files that a gateway holds.
- `preparation/`: turns a film in the spool into an array or a refusal, in a child process.
- `rules/`: decisions on films: screened, or refused with a code.
- `pixels/`: pixels of a film, from its DICOM file to display values.
- `tiles/`: parts of a film at full resolution, for the page, drawn in a child process.
- `dispatch`: sends screening requests to the broker.
- `metrics`: metrics of gateway and courier.
- `identifiers`: UIDs of tbscreen's objects, derived from their sources.
- `results/`: SR documents and pictures of screened and refused films.
- `delivery/`: the courier: sends objects to peers, and requests storage commitment.
- `hl7/`: results as HL7 v2 messages, to receivers without DICOM.
- `laboratory/`: bacteriology results as HL7 v2 messages, from laboratories.
- `deidentification/`: export of read films without patient data.
- `canary/`: drawn films that the gateway sends to itself.
- `query/`: the worklist by C-FIND.
- `conformance/`: the DICOM Conformance Statement, made from the tables here.

This room imports `db` and `domain`, and no Keras.
"""
