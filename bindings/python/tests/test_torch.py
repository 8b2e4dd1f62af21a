# SPDX-License-Identifier: Apache-2.0
# Data sets for PyTorch give what the reader and the store give.
import os
import sys
import tempfile
import unittest

from support import AT, MODEL, draw
from told import main

try:
    import torch
    from torch.utils.data import DataLoader
except ImportError as why:
    print('skipped: PyTorch cannot be imported: %s' % why)
    sys.exit(77)

import numpy as np

import dl4c
from dl4c.torch import FeatureRows, ImageBatches


class Torch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.images, cls.store = os.path.join(cls.work.name, 'images'), os.path.join(cls.work.name, 'store')
        draw(cls.images, 2)
        cls.graph = dl4c.load(MODEL)
        cls.reader = dl4c.ImageReader(cls.images, for_graph=cls.graph)
        dl4c.featurize(cls.graph, cls.reader, cls.store, at=AT, shard_size=7)

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    def test_batches_are_the_readers_and_each_pass_is_an_epoch(self):
        data = ImageBatches(self.reader, batch=6, shuffle=True, seed=3)
        for epoch in range(2):
            got = list(DataLoader(data, batch_size=None))
            want = list(self.reader.batches(6, True, 3, epoch))
            self.assertEqual(len(got), len(want))
            for (x, y), (a, b) in zip(got, want):
                self.assertTrue(torch.equal(x, torch.from_numpy(a)) and torch.equal(y, torch.from_numpy(b)))
        self.assertEqual(len(data), len(got))
        with self.assertRaisesRegex(RuntimeError, 'num_workers=0'):
            list(DataLoader(data, batch_size=None, num_workers=1))

    def test_rows_are_the_stores_in_workers_too(self):
        rows, store = FeatureRows(self.store), dl4c.Features(self.store)
        want = np.concatenate(store.shards)
        self.assertGreater(len(rows.shards), 1)
        for workers in (0, 1):
            x, y = zip(*DataLoader(rows, batch_size=5, num_workers=workers))
            np.testing.assert_array_equal(torch.cat(x).numpy(), want)
            np.testing.assert_array_equal(torch.cat(y).numpy(), store.labels)
        self.assertTrue(torch.equal(rows[-1][0], torch.from_numpy(want[-1])))
        with self.assertRaises(IndexError):
            rows[len(rows)]

    def test_a_loader_is_a_source(self):
        rows = FeatureRows(self.store)
        heads = [dl4c.softmax_head(dl4c.Features(self.store)) for _ in range(2)]
        heads[0].fit(dl4c.BatchSource(DataLoader(rows, batch_size=5), classes=rows.classes), epochs=2, batch=8, shuffle=False)
        heads[1].fit(dl4c.Features(self.store), epochs=2, batch=8, shuffle=False)
        np.testing.assert_array_equal(heads[0].param('predictions', 'W'), heads[1].param('predictions', 'W'))


if __name__ == '__main__':
    main()
