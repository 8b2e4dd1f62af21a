# SPDX-License-Identifier: Apache-2.0
# A pipeline of one's own around a frozen network: each photograph as it is and mirrored, features of two depths beside each other, the mean
# of both views, normalised, and a head with a hidden layer.
# Usage: custom_pipeline.py MODEL LOWER UPPER IMAGES OUT. LOWER and UPPER are vertices of the model with [channels, height, width].
import sys

import numpy as np

import dl4c

model, lower, upper, images, out = sys.argv[1:]

net = dl4c.load(model)
photographs = dl4c.ImageReader(images, for_graph=net)
session = dl4c.Session(net, batch=16, outputs=[lower, upper])       # what these two do not need is not run


def views(x):
    """The batch as it is, and from left to right."""
    yield x
    yield x[..., ::-1]                                              # a view with negative strides: copied only inside the library


def features(x):
    """[n, k]: means over space of the lower vertex beside all values of the upper one; the mean of both views."""
    found = []
    for view in views(x):
        low, up = session.run(view)                                 # over the session's memory: the next run overwrites them
        found.append(np.concatenate([low.mean((2, 3)), up.reshape(len(x), -1)], 1))
    return np.mean(found, 0)


rows, labels = zip(*((features(x), y) for x, y in photographs.batches(16)))
rows, labels = np.concatenate(rows), np.concatenate(labels)
test = np.arange(len(rows)) % 4 == 0                                # photographs are sorted by class: a quarter of each
scale = dl4c.Normalizer('standardize').fit(rows[~test])
scale.apply(rows)                                                   # where they lie


def noisy(shuffle, seed, epoch):
    """One epoch of training: rows with a little noise, another in each epoch, which depends on seed and epoch alone."""
    rng = np.random.default_rng((seed, epoch))
    for k in rng.permutation(np.flatnonzero(~test)) if shuffle else np.flatnonzero(~test):
        yield (rows[k] + rng.normal(0, 0.1, rows.shape[1]))[None], labels[k:k + 1]


head = (dl4c.Builder().input('features', [rows.shape[1]])
        .add('dense:units=32,activation=relu,dropout=0.8', 'hidden', 'features')
        .add('output:units=%d,activation=softmax,loss=negative_log_likelihood' % len(photographs.classes), 'predictions', 'hidden')
        .seed(1).finish())
head.fit(dl4c.BatchSource(noisy, classes=photographs.classes), epochs=40, batch=16, updater=dl4c.Adam(3e-3),
         validation=(rows[test], labels[test]))

judged = dl4c.Evaluation(photographs.classes, top_n=2)
judged.add(head.run(rows[test]), labels[test])
print('%d rows of %d features, accuracy %.3f, among the first two %.3f'
      % (len(rows), rows.shape[1], judged.accuracy, judged.top_n_accuracy))
scale.give_to(head)                                                 # the head's file has what its features are normalised with
head.save(out)
