"""Canary films: drawn films that go the way of all films, and what became of them.

They have tables of their own, so that no worklist, report, export, count or delivery can meet one.

- `canaries`: a canary film from its issue to its score.
- `expected_scores`: the score that each bundle is expected to give.
- `verdicts`: the last verdict of each gateway, and whether it is an alarm.
"""
