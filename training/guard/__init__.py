"""Training of the gateway's image guard, which is not a bundle.

- `image_guard`: training, and evaluation on sources and subjects that the guard has not seen.
- `guard_examples`: the examples for training and evaluation.
- `guard_pictures`: chest films changed, turned and cut; test patterns.
- `guard_phantoms`: drawn radiographs of other parts of the body.
- `guard_slices`: drawn slices of CT.
"""
