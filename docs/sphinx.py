# SPDX-License-Identifier: Apache-2.0
# Makes the reference of the Python package with Sphinx; a warning is an error. Every module has a page, and every public class, function,
# method and property a docstring. Usage: sphinx.py ROOT OUT, with the package and its library in the environment.
import importlib.util
import inspect
import os
import pkgutil
import subprocess
import sys

root, out = sys.argv[1:3]
del sys.path[0]  # where this file is found under the name that it looks for
for name in ('numpy', 'sphinx'):
    if importlib.util.find_spec(name) is None:
        print('skipped: this Python has no %s' % name)
        sys.exit(77)

import dl4c  # noqa: E402

pages = os.path.join(root, 'docs', 'reference', 'python')
failed = 0


def bare(name, thing):
    """What lacks a docstring of its own in a class or module."""
    if inspect.isclass(thing) and thing.__module__.startswith('dl4c'):
        if not (thing.__doc__ or '').strip() or (thing.__doc__ or '').startswith(thing.__name__ + '('):
            yield name
        for key, value in vars(thing).items():
            if not key.startswith('_') and (inspect.isfunction(value) or isinstance(value, (property, classmethod, staticmethod))):
                if not (getattr(value, '__doc__', None) or '').strip():
                    yield '%s.%s' % (name, key)
    elif inspect.isfunction(thing) and not (thing.__doc__ or '').strip():
        yield name


for module in pkgutil.iter_modules(dl4c.__path__):
    if module.name.startswith('_'):
        continue
    if not os.path.exists(os.path.join(pages, module.name + '.rst')):
        print('dl4c.%s has no page docs/reference/python/%s.rst' % (module.name, module.name))
        failed += 1
    try:
        loaded = importlib.import_module('dl4c.' + module.name)
    except ImportError as why:
        print('not looked at: %s' % why)
        continue
    for name in getattr(loaded, '__all__', [n for n in vars(loaded) if not n.startswith('_')]):
        for found in bare('dl4c.%s.%s' % (module.name, name), getattr(loaded, name)):
            print('%s has no docstring' % found)
            failed += 1
command = [sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-E', '-q', '-b', 'html', '-d', os.path.join(out, 'doctrees'), pages,
           os.path.join(out, 'html')]
done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
print(done.stdout or 'sphinx: no warning')
sys.exit(1 if failed or done.returncode else 0)
