# SPDX-License-Identifier: Apache-2.0
# examples/caltech256.py on drawn images, twice: the second time over what the first left, with the same model.
import os
import sys
import tempfile
import unittest

from support import AT, BINDINGS, MODEL, draw, program
from told import main

EXAMPLE = os.path.join(os.path.dirname(os.path.dirname(BINDINGS)), 'examples', 'caltech256.py')


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


if __name__ == '__main__':
    main()
