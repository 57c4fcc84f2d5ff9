"""Preparation: from a film in the spool to a refusal, or to the array that goes to the workers.

- `preparation_loop`: takes films from the spool as they become due, and hands their arrays to the broker.
- `preparation_process`: the child process in which they are prepared.
- `preparation_message`: the checked messages between the two.
- `film_preparation`: judges, decodes and normalizes a film.
"""
