"""Everything that speaks DICOM, and the way from pixels to the array that a model takes.

Files, in the order in which a film meets them:

- `settings`: AE titles, ports, peers, limits.
- `ae_title`: application entity titles, as they are set.
- `caller_settings`: who may call, and from where.
- `tls_settings`: which certificates and keys, for the gateway's port and for peers.
- `tls_context`: TLS as PS3.15 B.12 wants it, from those files.
- `certificates`: until when certificates hold, and who may read keys.
- `storage_scp`: takes C-STORE and C-ECHO.
- `listener`: a port, plain or TLS.
- `admission`: who gets an association, and with which rejection the others are sent away.
- `refusal_log`: refusals in the log, counted, so that nobody floods it.
- `film_socket`: an association's socket, read in large pieces, plain or TLS.
- `film_stream`: a dataset's way from the socket to its file, hashed as it comes.
- `presentation_contexts`: the SOP classes and transfer syntaxes that are negotiated.
- `film_reception`: a film is durable and written down before it is answered.
- `dataset_header`: reads a dataset strictly up to its pixels; what it says of film, study and patient.
- `spool`: the files that a gateway holds.
- `preparation`: takes a film from the spool: eligible? then decoded, normalized, dispatched.
- `eligibility`: may this film be screened? If not: a coded refusal, and the rule that decided.
- `rule_settings`: a site's own rules.
- `site_rules`: does a film meet one of them?
- `default_rules`: the rules that hold at every site.
- `patient_age`: how old the patient was.
- `verdict`: what is decided of one film, and by which rule.
- `open_ports`: the TCP ports, which several processes may share.
- `codestream`: what a compressed frame says of its own size, before a decoder believes it.
- `frame_decoding`: the pixels as they are stored, by the quickest decoder that reads them right.
- `radiograph`: DICOM to display values: decoding, lookup tables, window, MONOCHROME1.
- `normalization`: display values to float32 (256, 256), 0..1; NumPy and Pillow only, training uses it too.
- `picture`: PNG and JPEG to display values, for prediction from files and for training.
- `screening_request`: the message to the workers.
- `dispatch`: hands the message to the broker.
- `retention`: takes files out of the spool when their films are done with.
- `source_header`: a film's header from db, made fit to be a report's evidence.
- `identifiers`: UIDs of what tbscreen makes, derived from what they describe.
- `courier`: brings what was made of films to the peers.
- `report_round`: takes screenings and refusals from their outboxes and makes objects of them.
- `delivery_rules`: which peer gets which kind of object.
- `report_wording`: what every object says of itself.
- `structured_report`: the DICOM SR of one screening.
- `sr_document`: what all SR documents share.
- `secondary_capture`: the picture of one screening, as DICOM, for viewers that show no SR.
- `result_picture`: the picture itself: film, heat map, legend, text.
- `heat_overlay`: a heat map's colours, laid over a film; NumPy and Pillow only.
- `refusal_report`: the DICOM SR that says that a film was not analysed, and why.
- `report_encoding`: writes what is made of a film in its character set and time zone.
- `peer_breaker`: leaves a peer that is in trouble in peace for a while.
- `peer_association`: opens all associations to peers, plain or TLS, and says why when there is none.
- `sent_objects`: SOP classes and transfer syntaxes of what is sent, as tables.
- `storage_scu`: sends objects to a peer; tells transient failures from permanent ones.
- `commitment_settings`: how peers are asked to answer for what they were sent.
- `commitment_round`: whom the courier asks, and what follows from what peers say or do not say.
- `commitment_scu`: asks a peer to answer for objects (storage commitment).
- `commitment_events`: takes the peer's report on it, on whichever association.
- `pull_settings`: how films are pulled from a PACS that cannot route.
- `pull_request`: what is to be pulled, and the lease of the process that is at it.
- `pull_association`: the association on which a peer is asked for studies and sends them.
- `study_query`: what it is asked.
- `study_fetcher`: fetches what a study has there and not here.
- `pull_pace`: how fast.
- `pull_progress`: how far a pull is.
- `pull`: finds studies and has them fetched until all are here.
- `pull_schedule`: does so again and again.
- `verification`: C-ECHO to a peer.

This room imports `db`, and no Keras.
"""
