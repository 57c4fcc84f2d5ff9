"""Connections to other application entities, both ways: titles, TLS, sockets, what is negotiated.

- `ae_title`: application entity titles, as they are set.
- `tls_settings`: which certificates and keys, for the gateway's port and for peers.
- `tls_context`: TLS as PS3.15 B.12 wants it, from those files.
- `certificates`: until when certificates hold, and who may read keys.
- `association_identity`: an association's identifier in the log, and the AE title of its peer.
- `preamble`: the sender's AE title, kept in the first bytes of a film's file.
- `film_stream`: a dataset's way from the socket to its file, hashed as it comes.
- `writeback`: has the disk begin before the file is complete.
- `pynetdicom_repairs/`: all that uses private names of pynetdicom, each with its upstream issue.
- `storage_sop_classes`: the storage SOP classes that are accepted.
- `presentation_contexts`: the SOP classes and transfer syntaxes that are negotiated.
- `statuses`: what DIMSE responses say, by service.
- `peer_association`: opens all associations to peers, plain or TLS, and says why when there is none.
- `verification`: C-ECHO to a peer.
"""
