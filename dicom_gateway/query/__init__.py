"""Queries of the worklist.

- `query_settings`: the settings of queries.
- `worklist_scp`: answers C-FIND: UPS Query and Study Root.
- `worklist_search`: finds the records of a query, of C-FIND and QIDO-RS.
- `query_identifier`: reads the keys of an identifier, matches records and writes answers.
- `query_narrowing`: turns the keys into a filter of the worklist query in the database.
- `attribute_matching`: the matching rules of PS3.4 C.2.2.2.
- `worklist_attributes`: the attributes of a study, series and instance.
- `request_attributes`: patient identity, visit and request from a film's header, for a procedure step.
- `procedure_step`: a study as a Unified Procedure Step.
"""
