"""Films from a PACS that cannot route: C-FIND, then C-GET or C-MOVE.

- `pull_settings`: how films are pulled from a PACS that cannot route.
- `pull_request`: what is to be pulled, and the lease of the process that is at it.
- `pull_association`: the association on which a peer is asked for studies and sends them.
- `study_query`: what it is asked.
- `study_fetcher`: fetches what a study has there and not here.
- `pull_pace`: how fast.
- `pull_progress`: how far a pull is.
- `pull`: finds studies and has them fetched until all are here.
- `pull_schedule`: does so again and again.
"""
