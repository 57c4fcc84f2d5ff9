"""Preparation: turns a film in the spool into a refusal, or into the array for the workers.

- `preparation_loop`: takes due films from the spool and has them prepared.
- `dispatch_round`: records prepared films in one transaction and sends their arrays to the broker.
- `preparation_process`: the child process that prepares films.
- `preparation_message`: the checked messages between gateway and child.
- `content_digest`: recognizes a film that comes again in another encoding.
- `film_preparation`: judges, decodes and normalizes a film.
"""
