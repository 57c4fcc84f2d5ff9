"""Tiles: parts of a film at full resolution, which the page asks for through the database.

- `tile_loop`: takes requests from the database, has the tiles drawn, and answers.
- `tile_process`: the child process that draws tiles.
- `tile_message`: the checked messages between gateway and child.
- `tile_drawing`: draws a tile from the film's own pixels.
"""
