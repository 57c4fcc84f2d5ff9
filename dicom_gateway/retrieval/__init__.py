"""Films from a PACS that cannot route: C-FIND, then C-GET or C-MOVE; or QIDO-RS, then WADO-RS.

- `pull_settings`: the settings of pulls and schedules.
- `pull_request`: a request to pull films, and the lease of the process that works on it.
- `pull_association`: the association on which a peer is queried and sends films.
- `pull_web`: the connection on which a peer is queried and sends films by the web.
- `pull_source`: what both have in common.
- `study_query`: the queries for studies, series and instances.
- `study_search`: finds the studies of many days with few queries.
- `study_fetcher`: fetches the films of a study that are missing here.
- `pull_pace`: limits the films requested a minute.
- `pull_progress`: the progress of a pull.
- `pull`: finds studies and fetches them until all are here.
- `pull_schedule`: repeats a pull at intervals.
"""
