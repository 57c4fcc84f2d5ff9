"""Networks and their training.

- `recipe`: the interface of a training recipe.
- `recipes`: the choice of a recipe by architecture and initial weights.
- `lite0`: the default network.
- `lite0_recipe`: training of the default network.
- `lite0_weights`: initial ImageNet weights of the default network.
- `style_mixing`: styles mixed among the films of a batch.
- `film_sampler`: batches for the default network: balanced, augmented, with targets for cells.
- `augmentation`: random changes of a film.
- `style`: the look of a hospital's detector and software, changed at random.
- `transplants`: lesions moved between films of different hospitals.
- `architectures`: the tutorial's two networks, layer for layer.
- `tutorial_recipe`: training of the tutorial's networks.
- `fused_adam`: their optimizer, in one pass over the weights.
- `vgg16_weights`: the published weights of VGG16, from a file.
- `precision`: float32 or bfloat16.
- `fit`: the loop over the epochs: early stopping, resumable.
- `finished_network`: the graph that goes into a bundle.
"""
