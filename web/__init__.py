"""The page and its REST interface, over db.

- `settings`: address, certificate, length of a session.
- `viewer_address`: the address of a study in the site's own viewer.
- `server`: uvicorn, with TLS.
- `application`: routes.
- `response_headers`: security headers of every answer.
- `access/`: login, sessions, tokens, roles, audit.
- `pages/`: worklist, study, account and report as pages.
- `calibration/`: calibration studies as pages.
- `administration/`: status, deliveries, users, models, audit records and settings as pages.
- `rest/`: worklist, studies, reads and reports for programs.
- `health`: answers of `/healthz` and `/readyz`, here and on the monitor of each process.
- `problems`: error pages, and RFC 9457 for programs.
- `templates/`: HTML templates.
- `static/`: style and scripts.

It imports `db`, `http_server` and `domain`; no DICOM, no Keras.
"""
