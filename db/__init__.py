"""What tbscreen remembers: tables, states, queries and migrations.

Files, in the order in which a film meets them:

- `settings`: where the database is.
- `database`: the engine; `Database.write()` and `Database.read()` are the only ways to a session.
- `retrying`: a transaction that is tried again, where that is right.
- `clock`: the server's time, by which leases and due times are written.
- `schema`: brings a database to the newest migration (`migrations/`).
- `table_rows`: the rows of a table as plain values that either kind of database gives and takes.
- `replacement`: the whole content of a database is replaced, with nobody else at it.
- `states`: the state machines of films, deliveries, commitments and pulls: tables of allowed transitions.
- `tables/`: all tables, by what they are about.
- `account_tables`: users, sessions, API tokens, failed logins.
- `receptions`: a film is received; the row of its bytes, and the gateway that holds them.
- `films`: a film is prepared, dispatched, refused.
- `calibrations`: operating points of a site's own, in place of the active bundle's.
- `pulls`: what is fetched from a PACS that cannot route, and which process is at it.
- `pulled_studies`: what pulls find there: to be fetched, here, failed.
- `spooled_files`: which files a gateway still holds, and which of them may go.
- `bundles`: model bundles, registered, activated and kept in chunks for worker hosts.
- `activations`: who made which bundle the active one, and why; the way back.
- `comparisons`: two bundles on the same labelled films.
- `screenings`: an attempt is counted, a result is recorded together with its outbox row.
- `shadow_screenings`: what a bundle in the shadow says of the same films; no report comes of it.
- `outbox`: screenings that wait to be reported.
- `refusal_outbox`: refused films that wait to be reported.
- `report_objects`: the reports, stored as the bytes that are sent.
- `delivery_events`: what happened to each delivery, in order.
- `film_history`: what happened to one film.
- `deliveries`: each report on its way to each peer: leased, sent, retried, parked.
- `commitments`: peers are asked to answer for what was delivered; requests, answers, what is sent again.
- `studies`: a study stands where its worst film stands.
- `reads`: radiologists' verdicts on studies, with their history.
- `durations`: the time between two moments, in the SQL of either database.
- `report_figures`: what reports count: films, findings, scores, stages and deliveries of a period.
- `labelled_films`: screened films of read studies with their pixels, for the export of labels.
- `read_films`: screened films with their reads, for accuracy; scores and greys of films, for drift.
- `search_keys`: names and numbers as people type them.
- `worklist_filter`: what a worklist is asked for.
- `worklist_conditions`: its conditions, each with the index ranges in which it holds.
- `worklist_places`: the worklist's order, and the index ranges in which a filtered page of it lies.
- `study_entries`: a study and its films as the worklist shows them.
- `gauges`: how much waits, for whom and since when.
- `worklist`: the one prioritised query, page by page.
- `study_details`: everything that is known of one study and its films.
- `users`: the people who may look at the page.
- `web_sessions`: browsers that logged in.
- `api_tokens`: programs that ask in a user's name.
- `login_attempts`: who failed to log in again and again waits.

This room imports none of the others.
"""
