"""The worklist: studies in the order of suspicion.

- `studies`: a study's header, and its state and place by its worst film.
- `search_keys`: names and numbers folded for search.
- `worklist_filter`: the filter of a query.
- `worklist_conditions`: the filter as SQL conditions and index ranges.
- `worklist_places`: the order of the worklist, and the index ranges of a page.
- `study_entries`: studies and films as the worklist shows them.
- `worklist`: the prioritised query, page by page.
- `study_details`: one study with films, results, reports and reads.
- `reads`: verdicts of radiologists, with their history.
"""
