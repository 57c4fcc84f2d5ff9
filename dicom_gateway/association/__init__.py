"""Connections to other application entities, both ways: titles, TLS, sockets, what is negotiated.

- `ae_title`: application entity titles, as they are set.
- `tls_settings`: which certificates and keys, for the gateway's port and for peers.
- `tls_context`: TLS as PS3.15 B.12 wants it, from those files.
- `certificates`: until when certificates hold, and who may read keys.
- `film_socket`: an association's socket, read in large pieces, plain or TLS.
- `association_identity`: an association's identifier in the log, and the AE title of its peer.
- `preamble`: the sender's AE title, kept in the first bytes of a film's file.
- `film_stream`: a dataset's way from the socket to its file, hashed as it comes.
- `writeback`: has the disk begin before the file is complete.
- `presentation_contexts`: the SOP classes and transfer syntaxes that are negotiated.
- `statuses`: what DIMSE responses say, by service.
- `reactor_checkpoint`: who sends on an association gets the answer.
- `peer_association`: opens all associations to peers, plain or TLS, and says why when there is none.
- `verification`: C-ECHO to a peer.
"""
