"""Films and their results.

- `receptions`: a film is received: its row, its revision, the gateway that holds it.
- `films`: preparation, dispatch and refusal of a film.
- `screenings`: attempts, results with their outbox row, heat maps.
- `spooled_files`: files that a gateway holds, and which may be deleted.
- `labelled_films`: screened films of read studies with their pixels, for label export.
- `film_history`: the events of one film, from reception to commitment.
"""
