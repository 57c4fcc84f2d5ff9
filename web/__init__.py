"""The page and its REST interface, over db. No DICOM, no Keras.

Files, in the order in which a request meets them:

- `settings`: address, certificate, how long a session lasts.
- `request_deadline`: a request comes in time or not at all.
- `server`: uvicorn, with TLS.
- `application`: which path leads where.
- `response_headers`: what a browser may do with an answer.
- `random_words`: what cookies and tokens hold, and the word that forms carry.
- `visits`: from a cookie to a user; who may see what.
- `recent_views`: what each session was lately seen to look at.
- `witness`: who is told what people did.
- `passwords`: Argon2id.
- `login`: in and out.
- `pages`: templates, and how names and numbers are written for people.
- `worklist_query`: a worklist's filter as a URL says it.
- `worklist_page`: the worklist.
- `study_page`: one study, its films, its reads.
- `score_scale`: a score beside the operating points.
- `history`: what happened to a study.
- `account_page`: one's own password.
- `report_page`: the managers' report.
- `bearer`: from a token to a user; who asks too often waits.
- `rate_limit`: how many requests one asker may make.
- `rest`: the worklist, studies, reads and reports for programs.
- `openapi`: the REST interface described.
- `health`: what `/healthz` and `/readyz` say, here and on each process' monitor.
- `problems`: what is said when something went wrong.
- `templates/`: the pages.
- `static/`: style and scripts.
"""
