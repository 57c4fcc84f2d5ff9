"""Networks and how they learn.

- `recipe`: what a way of training has to offer.
- `recipes`: which recipe makes which architecture, from which weights.
- `lite0`: the default network.
- `lite0_recipe`: how it learns.
- `lite0_weights`: ImageNet weights to begin with.
- `film_sampler`: its batches: balanced, changed at random, with what is known of each cell.
- `augmentation`: what one film may look like elsewhere.
- `transplants`: lesions moved between films of different hospitals.
- `architectures`: the tutorial's two networks, layer for layer.
- `tutorial_recipe`: how they learn.
- `vgg16_weights`: the published weights of VGG16, from a file.
- `precision`: float32 or bfloat16.
- `fit`: the loop over the epochs: early stopping, resumable.
- `finished_network`: the graph that goes into a bundle.
"""
