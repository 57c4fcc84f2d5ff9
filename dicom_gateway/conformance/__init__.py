"""The DICOM Conformance Statement (PS3.2), generated from the tables that the code uses.

- `statement`: the document, chapter by chapter.
- `entities`: the chapters on the application entities.
- `annexes`: the annexes.
- `services`: the negotiated SOP classes and roles.
- `statuses`: the statuses that are returned, and the reactions to those of peers.
- `object_attributes`: the attributes of sent objects, read from sample objects.
- `sample`: a synthetic result from which the sample objects are built.
- `markdown`: tables and lists in Markdown.
"""
