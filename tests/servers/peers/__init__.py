"""Peers that the tests send to and receive from, other than the archive.

- `commitment_scp`: a node that answers storage commitment as it is told.
- `stow_scp`: a web server that answers STOW-RS as it is told.
- `stow_requests`: requests of STOW-RS, whole, cut and malformed.
- `mllp_receiver`: an HL7 receiver that answers as it is told.
- `node_packages`: packages of npm; `dimse_client.js` sends films by one of them.
- `node_receiver`: an HL7 receiver of another code base, `hl7_server.js`.
"""
