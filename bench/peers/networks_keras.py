# SPDX-License-Identifier: Apache-2.0
"""VGG16 to fc2 in Keras, with the weights of NAME.npz: what TensorFlow runs and what LiteRT's files are made of."""
import os

import keras
import numpy as np
from networks import VGG16


def build(path, batch=None):
    """path: without its ending. Images are [batch, 224, 224, 3]."""
    if os.path.basename(path) != 'vgg16':
        raise KeyError('only vgg16 is built in Keras')
    files = np.load(path + '.npz')
    weights = iter([files[name] for name in files.files])
    x = image = keras.Input(batch_shape=(batch, 224, 224, 3))
    layers = []
    for c in VGG16:
        layer = keras.layers.MaxPooling2D(2) if c == 'pool' else keras.layers.Conv2D(c, 3, padding='same', activation='relu')
        layers.append(layer)
        x = layer(x)
    x = keras.layers.Flatten()(x)
    for _ in range(2):
        layers.append(keras.layers.Dense(4096, activation='relu'))
        x = layers[-1](x)
    for layer in layers:
        if layer.weights:
            w, b = next(weights), next(weights)
            if w.ndim == 2 and w.shape[1] == 25088:  # of rows by channel, then place: here by place, then channel
                w = w.reshape(4096, 512, 49).transpose(0, 2, 1).reshape(4096, 25088)
            layer.set_weights([w.T if w.ndim == 2 else w.transpose(2, 3, 1, 0), b])
    return keras.Model(image, x)
