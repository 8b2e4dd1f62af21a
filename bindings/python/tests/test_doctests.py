# SPDX-License-Identifier: Apache-2.0
# The examples of the package's docstrings and of its reference compute what they say. They share what
# docs/reference/python/index.rst makes first.
import doctest
import importlib
import os
import pkgutil
import sys
import tempfile
import unittest

from support import MODEL, ROOT, draw
from told import main

import dl4c

PAGES = os.path.join(ROOT, 'docs', 'reference', 'python')


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work, cls.before = tempfile.TemporaryDirectory(), os.getcwd()
        os.chdir(cls.work.name)
        draw('images', 6)
        with open(MODEL, 'rb') as f, open('minivgg.zip', 'wb') as to:
            to.write(f.read())
        cls.shared = {'photo_net': dl4c.load('minivgg.zip')}
        cls.tried = 0
        with open(os.path.join(PAGES, 'index.rst'), encoding='utf-8') as f:
            test = doctest.DocTestParser().get_doctest(f.read(), cls.shared, 'index.rst', 'index.rst', 0)
        cls.said = cls.run_one(test, clear_globs=False)
        cls.shared = dict(test.globs)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.before)
        cls.work.cleanup()

    @classmethod
    def run_one(cls, test, **options):
        said = []
        runner = doctest.DocTestRunner(verbose=False)
        runner.run(test, out=said.append, **options)
        cls.tried += len(test.examples)
        return ''.join(said)

    def test_examples_compute_what_they_say(self):
        self.assertEqual(self.said, '')
        seen, left_out = set(), 0
        for name in ['dl4c'] + [found.name for found in pkgutil.walk_packages(dl4c.__path__, 'dl4c.', lambda name: None)]:
            if '._' in name:
                continue
            try:
                module = importlib.import_module(name)
            except ImportError as why:
                print('left out: %s' % why)
                left_out += 1
                continue
            for test in doctest.DocTestFinder().find(module, name, globs=self.shared):
                if test.examples:
                    seen.add(name)
                    with self.subTest(test.name):
                        self.assertEqual(self.run_one(test), '')
        self.assertGreater(len(seen) + left_out, 20)
        print('%d examples of %d modules' % (self.tried, len(seen)))


if __name__ == '__main__':
    main()
