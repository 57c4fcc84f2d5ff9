"""Associations with other application entities, in both directions: titles, TLS, sockets, negotiation.

- `ae_title`: application entity titles in the settings.
- `tls_settings`: settings of TLS for the gateway's port and for peers.
- `tls_context`: TLS contexts of the profile in PS3.15 B.12.
- `certificates`: validity of certificates, and readers of keys.
- `film_sender`: the sender of a film.
- `association_identity`: an association's identifier in the log, and the AE title of its peer.
- `preamble`: the sender's AE title, kept in the first bytes of a film's file.
- `film_stream`: writes a dataset from the socket to its file and hashes it.
- `writeback`: starts writing a file to the disk before the file is complete.
- `pynetdicom_repairs/`: all uses of private names of pynetdicom, each with its upstream issue.
- `storage_sop_classes`: the storage SOP classes that are accepted.
- `presentation_contexts`: the SOP classes and transfer syntaxes that are negotiated.
- `statuses`: statuses of DIMSE responses, and their meaning.
- `peer_association`: opens associations to peers, plain or TLS, and explains failures.
- `web_connection`: a connection to a peer's DICOMweb service.
- `network_address`: IP addresses, compared with those of the settings.
- `answer_settings`: settings of the senders of a peer's answers.
- `certificate_names`: names in a certificate that was verified.
- `peer_recognition`: believes an answer only from the peer that was asked.
- `verification`: C-ECHO to a peer.
"""
