"""A film before a reader's eyes.

- `film_scale`: size of a film in pixels and of a pixel in millimetres.
- `film_tile`: a part of a film at full resolution, as a page asks for it.
"""
