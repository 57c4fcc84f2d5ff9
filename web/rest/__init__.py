"""REST, version 1.

- `worklist_query`: the filter of a worklist in a URL.
- `rest`: worklist, studies, reads and reports.
- `json_body`: JSON bodies, checked.
- `results`: bacteriology results of a laboratory's system.
- `openapi`: the OpenAPI description.
"""
