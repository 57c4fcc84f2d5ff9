"""Corrections of Celery, kombu and billiard, each with its reason.

- `broker_channel`: a Redis channel that drops what is no message.
- `task_message_flush`: flushes task messages that a stopping worker has written in part.
- `film_request`: names the film whose predicting process ended.
"""
