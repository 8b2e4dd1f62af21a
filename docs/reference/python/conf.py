# SPDX-License-Identifier: Apache-2.0
# How Sphinx makes the reference of the Python package; docs/sphinx.py runs it. Docstrings are plain text: what reStructuredText would take
# for its own is escaped, indented lines become code, and exceptions become links.
import importlib.util
import re

project = 'dl4c'
author = 'the authors of libdl4c'
extensions = ['sphinx.ext.autodoc']
html_theme = 'alabaster'
html_theme_options = {'page_width': '1100px', 'sidebar_width': '220px'}
html_show_sphinx = False
html_show_copyright = False
autodoc_default_options = {'members': True, 'show-inheritance': True, 'member-order': 'bysource',
                           'special-members': '__getitem__'}
autodoc_typehints = 'signature'
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 100
# What the reference can be made without.
autodoc_mock_imports = [name for name in ('torch', 'pyspark', 'sklearn') if importlib.util.find_spec(name) is None]

SPECIAL = re.compile(r'[\\*`|]|_(?!\w)')
ERROR = re.compile(r'\b(?:dl4c\.errors\.)?([A-Z]\w+Error|Error)\b')


def paragraph(lines, errors):
    """Text of a docstring as reStructuredText."""
    for line in lines:
        yield ERROR.sub(lambda m: r':exc:`~dl4c.errors.%s`' % m.group(1) if m.group(1) in errors else m.group(0),
                        SPECIAL.sub(lambda m: '\\' + m.group(0), line))


def plain(app, what, name, obj, options, lines):
    """Rewrites the lines of a docstring in place."""
    import dl4c.errors
    errors = {n for n in vars(dl4c.errors) if n.endswith('Error') and n[0].isupper()}
    blocks = [block.split('\n') for block in re.split(r'\n[ ]*\n', '\n'.join(lines))]
    out = []
    for block in blocks:
        if block[0].lstrip().startswith('>>>'):
            out += block
        elif block[0].startswith(' '):
            out += ['::', '', *block]
        else:
            out += paragraph(block, errors)
        out.append('')
    lines[:] = out


def setup(app):
    app.connect('autodoc-process-docstring', plain)
    return {'parallel_read_safe': True}
