# SPDX-License-Identifier: Apache-2.0
# The Python client of 10_shared_features.c: looks at the rows that the C host has made, and trains a head for it.
# Usage: shared_features.py STORE HEAD
import sys

import numpy as np

import dl4c

store = dl4c.Features(sys.argv[1])
rows = np.concatenate(store.shards).reshape(len(store), -1)         # a copy, to look at
labels = store.labels
middle = np.stack([rows[labels == k].mean(0) for k in range(len(store.classes))])
apart = np.linalg.norm(middle[:, None] - middle[None], axis=2)
np.fill_diagonal(apart, np.inf)
a, b = np.unravel_index(apart.argmin(), apart.shape)
print('%d rows of %d features; nearest to each other: %s and %s' % (*rows.shape, store.classes[a], store.classes[b]))

head = dl4c.softmax_head(store)
head.fit(store, epochs=30, batch=8, updater=dl4c.Adam(0.01))
print('client: accuracy %.3f' % head.evaluate(store).accuracy)
head.save(sys.argv[2])
