# SPDX-License-Identifier: Apache-2.0
# The arrows of lib/: a folder includes only what its arrows reach. Usage: layers.py SOURCE_ROOT
import os
import re
import sys

from csource import CODE, Report, read, split, tracked

# folder of lib/ -> the folders it may include (and all that those may include).
ARROWS = {
    'base': [],
    'kernels': ['base'],
    'fs': ['base'],
    'chart': ['base'],                          # SVG of curves and matrices: numbers in, text out
    'tensor': ['kernels', 'fs'],                # fs for .npy
    'ops': ['tensor'],
    'losses': ['tensor'],
    'updaters': ['tensor'],
    'schedules': ['tensor'],
    'constraints': ['tensor'],
    'normalizers': ['tensor', 'fs'],            # fs for their files
    'graph': ['ops', 'losses', 'updaters', 'schedules', 'constraints', 'chart', 'normalizers'],
    'image': ['tensor', 'fs'],
    'source': ['tensor'],
    'reader': ['image', 'fs', 'source', 'graph'],  # graph for what a model records of its images
    'evaluation': ['tensor', 'chart'],
    'formats': ['graph', 'fs'],
    'zoo': ['graph', 'formats'],
    'fetch': ['fs'],
    'compare': ['graph', 'image', 'fs'],
    'features': ['graph', 'reader', 'formats', 'source'],
    'train': ['graph', 'features', 'formats', 'evaluation', 'reader', 'source', 'transport'],
    'transport': ['kernels', 'fs'],             # bytes, and the mean of vectors: no tensors; fs for keys
    'monitor': ['train'],                       # reads what train writes
}

# public header -> the folder of lib/ that implements it, where the name is not the same.
HEADERS = {
    'dl4c.h': None,                             # all of them: for users only
    'dl4c.hpp': None,
    'early_stopping.h': 'train',
    'transfer.h': 'train',                      # features in memory, and the weights back
    'listener.h': 'train',                      # ready-made listeners; struct dl4c_listener is train.h's
    'predict.h': 'features',
    'normalizer.h': 'normalizers',
    'layers.h': 'graph',                        # inline sugar over dl4c_builder_add
    'model.h': 'formats',                       # loading and saving
    'webhdfs.h': 'fs',
    'op.h': 'base',                             # descriptors and attributes are read by every layer; the operators are ops
}

# Written by the build, included without a folder.
GENERATED = {'op_list.inc', 'loss_list.inc', 'updater_list.inc', 'schedule_list.inc', 'constraint_list.inc', 'format_list.inc', 'onnx.pb.h',
             'build_parts.h'}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]*)[>"]', re.M)


def reach(folder):
    found, todo = set(), [folder]
    while todo:
        f = todo.pop()
        if f not in found:
            found.add(f)
            todo += ARROWS[f]
    return found


def reached(folder):
    return ', '.join(sorted(reach(folder)))


def home(header):
    """The folder of lib/ behind include/dl4c/HEADER."""
    return HEADERS[header] if header in HEADERS else os.path.splitext(header)[0]


def includes(text):
    # split() empties the literals, so it only says which lines are commented out.
    code = split(text)[0].split('\n')
    for match in INCLUDE.finditer(text):
        line = text.count('\n', 0, match.start()) + 1
        if '#' in code[line - 1]:
            yield line, match.group(1), match.group(2)


def check_public(report, path, line, folder, name):
    header = name[len('dl4c/'):]
    target = home(header)
    if target is None:
        report(path, line, 'lib/ and the headers include the one header they need, not <dl4c/%s>' % header)
    elif target not in ARROWS:
        report(path, line, '<%s> belongs to no folder of lib/: name one in HEADERS of tests/lint/layers.py' % name)
    elif folder is not None and target not in reach(folder):
        report(path, line, '%s may not include <%s> (of %s): its arrows reach %s' % (folder, name, target, reached(folder)))


def check_lib(report, root, path):
    folder = path.split('/')[1]
    if folder not in ARROWS:
        report(path, 1, 'lib/%s has no arrows: add it to ARROWS of tests/lint/layers.py and to lib/README.md' % folder)
        return
    for line, kind, name in includes(read(root, path)):
        if kind == '<':
            if name.startswith('dl4c/'):
                check_public(report, path, line, folder, name)
            continue
        if name in GENERATED:
            continue
        target = name.split('/')[0]
        if target not in ARROWS:
            report(path, line, '"%s" is not written from lib/: "%s/..." is wanted' % (name, folder))
            continue
        if target not in reach(folder):
            report(path, line, '%s may not include "%s": its arrows reach %s' % (folder, name, reached(folder)))


def check_header(report, root, path):
    header = os.path.basename(path)
    folder = home(header)
    if folder is not None and folder not in ARROWS:
        report(path, 1, 'no arrows for lib/%s: a noun has header and folder, or an entry in HEADERS of tests/lint/layers.py' % folder)
        return
    for line, kind, name in includes(read(root, path)):
        if kind == '"':
            report(path, line, 'a public header includes <dl4c/...> and standard headers, not "%s"' % name)
        elif name.startswith('dl4c/'):
            if folder is not None:
                check_public(report, path, line, folder, name)
        elif not re.match(r'(std(def|int|arg)\.h|c?std\w+|[a-z_]+)$', name):
            report(path, line, 'a public header includes <dl4c/...> and standard headers, not <%s>' % name)


def check_outside(report, root, path, files):
    """tools/, examples/ and bindings/ see include/dl4c/ and their own files only."""
    here = os.path.dirname(path)
    for line, kind, name in includes(read(root, path)):
        if kind == '"' and os.path.normpath(os.path.join(here, name)) not in files:
            report(path, line, '"%s" is not a file of %s: %s sees <dl4c/...> only' % (name, here, path.split('/')[0]))


def main():
    root = sys.argv[1]
    report = Report('layers')
    files = set(tracked(root))
    for path in sorted(files):
        if not path.endswith(CODE):
            continue
        top = path.split('/')[0]
        if top == 'lib' and path.count('/') >= 2:
            check_lib(report, root, path)
        elif top == 'include':
            check_header(report, root, path)
        elif top in ('tools', 'examples', 'bindings'):
            check_outside(report, root, path, files)
        else:
            continue
        report.checked += 1
    report.done('files')


main()
