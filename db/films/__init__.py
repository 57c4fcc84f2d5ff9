"""Films and their results.

- `receptions`: reception of films: rows, revisions, the gateway that holds the file.
- `revisions`: films under one SOP Instance UID, and the one that stands.
- `films`: preparation, dispatch and refusal of a film.
- `screenings`: attempts, results with their outbox row, heat maps.
- `spooled_files`: files that a gateway holds, and which may be deleted.
- `held_films`: films of a study with headers and files, for retrieval.
- `foreign_files`: files that a gateway holds of films that another gateway has.
- `renditions`: renditions of old, read studies.
- `film_tiles`: parts of films at full resolution, asked for by pages and drawn by gateways.
- `newest_films`: the newest screened films with their reads, for comparing two bundles.
- `labelled_films`: screened films of read studies with their pixels, for label export.
- `film_history`: the events of one film, from reception to commitment.
"""
