"""Counts for reports and monitoring.

- `report_counts`: counts of films, findings, scores, stages and deliveries of a period.
- `read_films`: screened films with their reads, for accuracy and drift.
- `reader_reads`: the newest read of each reader on each study.
- `threshold_cells`: films by the threshold of age and sex that judged them.
- `referrals`: people referred by the operating point in use, against the expected share.
- `late_films`: films that do not end.
- `unread_studies`: unread studies by site, for managers.
- `recent_work`: the newest work by station and by worker.
- `backlog`: lengths and ages of all queues, for monitoring.
"""
