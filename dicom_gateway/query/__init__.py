"""The worklist by C-FIND.

- `query_settings`: whether and how far the worklist is answered by C-FIND.
- `worklist_scp`: answers C-FIND: UPS Query and Study Root.
- `query_identifier`: what a C-FIND asks for, and which records fit.
- `query_narrowing`: its keys as a filter of the one worklist query in db.
- `attribute_matching`: the matching rules of PS3.4 C.2.2.2.
- `worklist_attributes`: the attributes that are known of a study, series and instance.
- `request_attributes`: what a film's header says of identity, visit and request, for a procedure step.
- `procedure_step`: a study as a Unified Procedure Step.
"""
