"""REST, version 1.

- `worklist_query`: the filter of a worklist in a URL.
- `rest`: worklist, studies, reads and reports.
- `openapi`: the OpenAPI description.
"""
