"""Counts and films for reports, monitoring and label export.

- `report_figures`: counts of films, findings, scores, stages and deliveries of a period.
- `read_films`: screened films with their reads, for accuracy and drift.
- `labelled_films`: screened films of read studies with their pixels, for label export.
- `backlog`: lengths and ages of all queues, for monitoring.
"""
