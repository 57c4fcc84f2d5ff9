"""The worklist: studies in the order of suspicion.

- `studies`: a study's header, and its state and place by its worst film.
- `standing_reads`: the newest read of each reader, and disagreements.
- `search_keys`: names and numbers folded for search.
- `wildcards`: `*` and `?` of DICOM's matching.
- `worklist_filter`: the filter of a query.
- `worklist_conditions`: the filter as SQL conditions and index ranges.
- `worklist_places`: the order of the worklist, and the index ranges of a page.
- `worklist_totals`: the number of wanted studies, with a bound.
- `study_entries`: studies and films as the worklist shows them.
- `blinding`: results that are hidden from a reader who reads blinded.
- `blinded_order`: the order of the worklist for such readers.
- `worklist`: the prioritised query, page by page.
- `study_keepers`: the peers from which a study's films can be retrieved.
- `claims`: who has a study open.
- `studies_ahead`: the studies that come next, and their films.
- `films_to_see`: the films that a reader must have seen.
- `study_details`: one study with films, results, reports and reads.
- `other_studies`: the other studies of its patient.
- `reads`: verdicts of radiologists, with their history.
"""
