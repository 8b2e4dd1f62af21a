# SPDX-License-Identifier: Apache-2.0
# The examples in Python, on drawn images: caltech256.py, twice, the second time over what the first left, with the same model; a pipeline
# of one's own; and a host in C with its client in Python.
import os
import re
import sys
import tempfile
import unittest

from support import AT, BINDINGS, MODEL, draw, program
from told import main

import dl4c

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(BINDINGS)), 'examples')
EXAMPLE = os.path.join(EXAMPLES, 'caltech256.py')


class Example(unittest.TestCase):
    def test_it_trains_tests_saves_and_answers_and_goes_on_where_it_was(self):
        with tempfile.TemporaryDirectory() as here:
            images, work = draw(os.path.join(here, 'images'), 5), os.path.join(here, 'work')
            models = []
            for _ in range(2):
                said = program(sys.executable, EXAMPLE, MODEL, AT, images, work)
                for wanted in ('block1_conv1', "{'train': 30, 'val': 10, 'test': 10}", 'epoch 20: ', ' Accuracy: ', '.jpg'):
                    self.assertIn(wanted, said)
                with open(os.path.join(work, 'caltech256.zip'), 'rb') as f:
                    models.append(f.read())
            self.assertEqual(*models)

    def test_a_pipeline_of_ones_own(self):
        with tempfile.TemporaryDirectory() as here:
            images, head = draw(os.path.join(here, 'images'), 12), os.path.join(here, 'head.zip')
            said = program(sys.executable, os.path.join(EXAMPLES, 'custom_pipeline.py'), MODEL, 'block3_pool', AT, images, head)
            found = re.search(r'^120 rows of (\d+) features, accuracy (\d.\d+), among the first two (\d.\d+)$', said, re.M)
            self.assertTrue(found, said)
            self.assertGreater(float(found.group(2)), 0.5)  # ten classes, 30 images judged
            graph = dl4c.load(head)
            self.assertEqual((graph['features'].shape, len(graph.classes)), ((int(found.group(1)),), 10))
            self.assertEqual(dl4c.Normalizer.of(graph).center.shape, (int(found.group(1)),))

    def test_a_host_in_c_and_a_client_in_python_share_features(self):
        host = os.environ.get('DL4C_EXAMPLES', '') + '/example_10_shared_features'
        if not os.path.exists(host):
            self.skipTest('the examples in C were not built')
        with tempfile.TemporaryDirectory() as here:
            images, store, head = draw(os.path.join(here, 'images'), 5), os.path.join(here, 'store'), os.path.join(here, 'head.zip')
            said = program(host, MODEL, AT, images, store, head, sys.executable, os.path.join(EXAMPLES, 'shared_features.py'))
            self.assertRegex(said, r'(?m)^host: 50 rows$')
            self.assertRegex(said, r'(?m)^50 rows of 1024 features; nearest to each other: \w+ and \w+$')
            client, host_says = re.findall(r'^(?:client|host): accuracy (\d.\d+)$', said, re.M)
            self.assertEqual(client, host_says)
            self.assertGreater(float(client), 0.9)


if __name__ == '__main__':
    main()
