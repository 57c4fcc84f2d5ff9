"""Corrections of Celery, kombu and billiard: a file each, with what upstream does and where it is reported.

`tests/integration/worker/test_celery_repairs.py` runs a worker with and without each: it fails when one works
no longer, and when it is no longer needed. pyproject.toml bounds the versions of the three.

- `broker_channel`: a Redis channel that drops items that are not messages.
- `task_message_flush`: flushes task messages that a stopping worker has written in part.
- `lost_process_log`: logs which film a predicting process was at when it was lost.
"""
