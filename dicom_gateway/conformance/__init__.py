"""The DICOM Conformance Statement (PS3.2) and the IHE Integration Statement, made of the code's tables.

- `statement`: the document, chapter by chapter.
- `entities`: the chapters on the application entities.
- `web_services`: the chapter on DICOMweb.
- `web_reading`: its sections on Search and Retrieve.
- `annexes`: the annexes.
- `services`: the negotiated SOP classes and roles.
- `statuses`: the statuses that are returned, and the reactions to those of peers.
- `object_attributes`: the attributes of sent objects, read from sample objects.
- `sample`: a synthetic result from which the sample objects are built.
- `integration_statement`: the IHE Integration Statement, with the tables below it.
- `requirements`: a requirement of an IHE profile, with what is done and the gap.
- `ai_results`: those of AI Results.
- `ihe_profiles`: those of AI Workflow for Imaging and of other profiles.
- `capabilities`: facts that decide whether a requirement is met.
- `markdown`: tables and lists in Markdown.
"""
