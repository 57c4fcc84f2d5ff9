"""The gateway's image guard, which is no bundle: what it learns from, and how.

- `image_guard`: trains it, and measures it on places and subjects that it has not seen.
- `guard_examples`: what it learns from and is measured on.
- `guard_pictures`: chest films changed, turned and cut; test patterns.
- `guard_phantoms`: radiographs of other parts of the body, drawn.
"""
