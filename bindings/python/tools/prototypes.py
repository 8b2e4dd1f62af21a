# SPDX-License-Identifier: Apache-2.0
# Writes dl4c/_native/: what include/dl4c declares (functions, structs, callbacks, constants) as ctypes, a module for each header. clang
# reads the headers. Usage: prototypes.py INCLUDE_DIR write|check; check tells what differs and changes nothing; 77: there is no clang.
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'dl4c', '_native')
SCALARS = {'int': 'c_int', 'int32_t': 'c_int32', 'uint32_t': 'c_uint32', 'int64_t': 'c_int64', 'uint64_t': 'c_uint64', 'uint8_t': 'c_uint8',
           'size_t': 'c_size_t', 'float': 'c_float', 'double': 'c_double', 'char': 'c_char', 'uint16_t': 'c_uint16', 'int16_t': 'c_int16',
           'int8_t': 'c_int8'}
COLUMNS = 138


def split_arguments(text):
    """The types between the parentheses of a function's type."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign == '(') - (sign == ')')
        if sign == ',' and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    last = text[start:].strip()
    return [p for p in parts + [last] if p and p != 'void']


class Header:
    """What one header declares, as lines of Python."""

    def __init__(self, name):
        self.name, self.classes, self.body, self.constants, self.prototypes, self.used = name, [], [], [], [], set()
        self.own = set()


class Reader:
    """Goes through clang's tree of dl4c.h."""

    def __init__(self, tree):
        self.headers, self.typedefs, self.structs, self.home = {}, {}, {}, {}
        self.file = None
        self.nodes = []
        for node in tree['inner']:
            self.nodes.append((self.place(node), node))
        for where, node in self.nodes:
            if node['kind'] == 'TypedefDecl':
                self.typedefs[node['name']] = node['type']['qualType']
            elif node['kind'] == 'RecordDecl' and node.get('completeDefinition') and 'name' in node:
                self.structs[node['name']] = where

    def place(self, node):
        """The header that a declaration stands in: clang names a file where it is another than that of the place before."""
        here = [None]

        def look(place):
            if 'file' in place:
                self.file = place['file']

        def walk(part, top):
            for key, value in part.items():
                if key in ('loc', 'begin', 'end') and isinstance(value, dict):
                    for inner in ([value[k] for k in ('spellingLoc', 'expansionLoc') if k in value] or [value]):
                        look(inner)
                    if key == 'loc' and top:
                        here[0] = self.file
                elif key == 'range':
                    walk(value, False)
                elif key == 'inner':
                    for child in value:
                        if isinstance(child, dict):
                            walk(child, False)

        walk(node, True)
        match = re.search(r'dl4c/(\w+)\.h$', here[0] or '')
        return match.group(1) if match else None

    def ctype(self, text, header, result_of_callback=False):
        text = re.sub(r'\b(const|volatile|restrict)\b', ' ', text).replace('  ', ' ').strip()
        function = re.match(r'^(.*?)\s*\(\*\s*\)\s*\((.*)\)$', text)
        if function:
            types = [self.ctype(function.group(1), header, True)] + [self.ctype(a, header) for a in split_arguments(function.group(2))]
            header.used.add('CFUNCTYPE')
            return 'CFUNCTYPE(%s)' % ', '.join(types)
        array = re.match(r'^(.*?)\s*\[(\d+)\]$', text)
        if array:
            return '%s * %s' % (self.ctype(array.group(1), header), array.group(2))
        if text.endswith('*'):
            return self.pointer(text[:-1].strip(), header, result_of_callback)
        if text == 'void':
            return 'None'
        if text in SCALARS:
            header.used.add(SCALARS[text])
            return SCALARS[text]
        name = text.replace('struct ', '')
        if name in self.structs:
            header.used.add(name)
            return name
        target = self.typedefs[name]
        if '(*' in target:
            header.used.add(name)
            return name
        return self.ctype(target, header)

    def pointer(self, base, header, result_of_callback):
        name = base.replace('struct ', '')
        opaque = re.match(r'dl4c_\w+$', name) and name not in self.structs and '(*' not in self.typedefs.get(name, '')
        if base == 'char' and not result_of_callback and self.borrowed:
            header.used.add('c_char_p')
            return 'c_char_p'
        if base in ('void', 'char') or (opaque and self.typedefs.get(name, 'struct x').startswith('struct')):
            header.used.add('c_void_p')
            return 'c_void_p'
        header.used.add('POINTER')
        return 'POINTER(%s)' % self.ctype(base, header)

    def typed(self, text, header):
        # Text that is the library's is bytes; text that the caller must free keeps its address.
        self.borrowed = 'const char' in text
        return self.ctype(text, header)

    def function(self, node, header):
        result = self.typed(re.match(r'^(.*?)\s*\(', node['type']['qualType']).group(1), header)
        arguments = [self.typed(p['type']['qualType'], header) for p in node.get('inner', []) if p['kind'] == 'ParmVarDecl']
        row = ', '.join(arguments) + (',' if len(arguments) == 1 else '')
        header.prototypes.append("    '%s': (%s, (%s))," % (node['name'], result, row))

    def record(self, node, header):
        unions, fields = {}, []
        for part in node['inner']:
            if part['kind'] == 'RecordDecl':
                self.borrowed = True
                inner = [f for f in part['inner'] if f['kind'] == 'FieldDecl']
                unions[part['id']] = [(f['name'], self.typed(f['type']['qualType'], header)) for f in inner]
            elif part['kind'] == 'FieldDecl':
                if 'unnamed' in part['type']['qualType'] or 'anonymous' in part['type']['qualType']:
                    name = '%s_%s' % (node['name'], part['name'])
                    header.classes.append('class %s(Union):\n    """The values of %s.%s."""' % (name, node['name'], part['name']))
                    header.used.add('Union')
                    header.own.add(name)
                    header.body.append(self.fields(name, unions.popitem()[1]))
                    fields.append((part['name'], name))
                else:
                    fields.append((part['name'], self.typed(part['type']['qualType'], header)))
        base = 'Sized' if fields[0][0] == 'struct_size' else 'Structure'
        header.used.add(base)
        header.own.add(node['name'])
        header.classes.append('class %s(%s):\n    """struct %s."""' % (node['name'], base, node['name']))
        header.body.append(self.fields(node['name'], fields))

    @staticmethod
    def fields(name, fields):
        return '%s._fields_ = [\n%s\n]' % (name, '\n'.join("    ('%s', %s)," % f for f in fields))

    def enum(self, node, header):
        value = -1
        for item in node['inner']:
            if item['kind'] != 'EnumConstantDecl':
                continue
            given = [i for i in item.get('inner', []) if i['kind'] in ('ConstantExpr', 'ImplicitCastExpr')]
            while given and 'value' not in given[0] and given[0].get('inner'):
                given = given[0]['inner']
            value = int(given[0]['value']) if given else value + 1
            header.constants.append('%s = %d' % (item['name'], value))
            header.own.add(item['name'])

    def read(self):
        for where, node in self.nodes:
            if where is None:
                continue
            header = self.headers.setdefault(where, Header(where))
            if node['kind'] == 'FunctionDecl' and node.get('storageClass') != 'static':
                self.function(node, header)
            elif node['kind'] == 'EnumDecl':
                self.enum(node, header)
            elif node['kind'] == 'RecordDecl' and node.get('completeDefinition') and 'name' in node:
                self.record(node, header)
            elif node['kind'] == 'TypedefDecl' and '(*' in node['type']['qualType']:
                header.own.add(node['name'])
                header.body.append('%s = %s' % (node['name'], self.typed(node['type']['qualType'], header)))
        for header in self.headers.values():
            for name in header.own:
                self.home[name] = header.name
        return self


def wrapped(line):
    if len(line) <= COLUMNS:
        return line
    lead = len(line) - len(line.lstrip())
    return '\n'.join(textwrap.wrap(line, COLUMNS, subsequent_indent=' ' * (lead + 4), break_long_words=False))


def module(header, home):
    import ctypes
    lines = ['# SPDX-License-Identifier: Apache-2.0',
             '"""What include/dl4c/%s.h declares. Written by tools/prototypes.py, not by hand."""' % header.name]
    foreign = sorted(n for n in header.used if n not in header.own)
    from_ctypes = [n for n in foreign if hasattr(ctypes, n)]
    if from_ctypes:
        lines.append(wrapped_import('from ctypes import ', from_ctypes))
    lines.append('from typing import Any')
    places = {}
    for name in foreign:
        if name not in from_ctypes:
            places.setdefault('_sized' if name == 'Sized' else home[name], []).append(name)
    lines += [''] + [wrapped_import('from .%s import ' % place, names) for place, names in sorted(places.items())]
    if header.constants:
        lines += [''] + header.constants
    for text in header.classes:
        lines += ['', ''] + text.split('\n')
    lines += ['', '']
    for text in header.body:
        lines += [wrapped(line) for line in text.split('\n')]
    lines += ['', 'PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {'] + [wrapped(p) for p in header.prototypes] + ['}']
    return re.sub('\n{4,}', '\n\n\n', '\n'.join(lines)) + '\n'


def wrapped_import(start, names):
    text = start + ', '.join(names)
    if len(text) <= COLUMNS:
        return text
    return start + '(\n' + '\n'.join(textwrap.wrap(', '.join(names), COLUMNS, initial_indent='    ', subsequent_indent='    ')) + '\n)'


def versions(include):
    """DL4C_VERSION_*, which are macros."""
    with open(os.path.join(include, 'dl4c', 'base.h'), encoding='utf-8') as f:
        found = re.findall(r'^#define (DL4C_VERSION_(?:MAJOR|MINOR|PATCH)) (\d+)$', f.read(), re.M)
    return ['%s = %s' % pair for pair in found]


def table(headers):
    """The module that puts all of them together."""
    names = sorted(n for n, h in headers.items() if h.prototypes)
    lines = ['# SPDX-License-Identifier: Apache-2.0',
             '"""All functions of include/dl4c by name. Written by tools/prototypes.py, not by hand."""',
             'from typing import Any', '', wrapped_import('from . import ', names), '',
             'PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {}',
             wrapped('_MODULES = (%s)' % ', '.join(names)), 'for _module in _MODULES:',
             '    PROTOTYPES.update(_module.PROTOTYPES)']
    return '\n'.join(lines) + '\n'


def generate(include):
    command = ['clang', '-fsyntax-only', '-I' + include, '-Xclang', '-ast-dump=json', os.path.join(include, 'dl4c', 'dl4c.h')]
    tree = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    reader = Reader(tree).read()
    kept = {n: h for n, h in reader.headers.items() if h.prototypes or h.classes or h.constants or h.body}
    kept['base'].constants = versions(include) + kept['base'].constants
    files = {name + '.py': module(header, reader.home) for name, header in kept.items()}
    files['_table.py'] = table(kept)
    return files


def main():
    include, verb = sys.argv[1:]
    if not shutil.which('clang'):
        print('skipped: clang, which reads the headers, is not installed')
        return 77
    files = generate(include)
    there = {n for n in os.listdir(OUT) if n.endswith('.py') and n not in ('__init__.py', '_sized.py')}
    if verb == 'write':
        for name in there - set(files):
            os.remove(os.path.join(OUT, name))
        for name, text in files.items():
            with open(os.path.join(OUT, name), 'w', encoding='utf-8') as f:
                f.write(text)
        return 0
    wrong = sorted(there ^ set(files))
    for name in sorted(there & set(files)):
        with open(os.path.join(OUT, name), encoding='utf-8') as f:
            if f.read() != files[name]:
                wrong.append(name)
    for name in wrong:
        print('bindings/python/dl4c/_native/%s is not what the headers say: bindings/python/tools/prototypes.py include write' % name)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
