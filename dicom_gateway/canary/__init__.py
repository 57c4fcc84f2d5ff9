"""Canary films: drawn films that a gateway sends to its own port, to learn whether films get their scores.

A film is a canary film by three things together: a UID that this gateway issued and awaits, the loopback
address, and the bytes of the drawn film. Any other film under such a UID raises a Security Alert and goes
the way of all films.

- `canary_settings`: the settings `[gateway.canary]`.
- `canary_uid`: UIDs of canary films.
- `drawn_chest`: a drawn chest.
- `canary_film`: the drawn film.
- `own_port`: the gateway's own port, as a peer.
- `canary_reception`: recognizes canary films among received films.
- `canary_run`: one canary film: issued, sent, awaited, judged, deleted.
- `canary_schedule`: sends one every few minutes.
- `canary_preparation`: prepares those that arrived, and sends them to the workers.
"""
