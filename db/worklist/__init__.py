"""Studies by suspicion.

- `studies`: a study: its header, and its place by its worst film.
- `search_keys`: names and numbers folded for search.
- `worklist_filter`: the filter of a query.
- `worklist_conditions`: the filter as SQL conditions and index ranges.
- `worklist_places`: the order of the worklist, and the index ranges of a page.
- `study_entries`: a study and its films as the worklist shows them.
- `worklist`: the one prioritised query, page by page.
- `study_details`: one study with films, results, reports and reads.
- `reads`: verdicts of radiologists, with their history.
"""
