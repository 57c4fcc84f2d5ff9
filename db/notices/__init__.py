"""Notices by webhook and e-mail: events, and the notice of each to each receiver.

- `notice_events`: HIGH findings, parked deliveries, silent stations, drift.
- `high_films`: the film of a HIGH finding, as its notice may name it.
- `notice_outbox`: notices stored, leased, delivered, retried, parked.
- `notice_list`: the list for administrators, and replays.
"""
