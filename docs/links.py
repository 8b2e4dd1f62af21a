# SPDX-License-Identifier: Apache-2.0
# Every relative link of the pages leads to a file, and every page of docs/ is reachable from docs/index.md. Usage: links.py ROOT
import os
import re
import sys

root = sys.argv[1]
pages = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'lib/README.md']
for folder, _, names in os.walk(os.path.join(root, 'docs')):
    pages += [os.path.relpath(os.path.join(folder, n), root) for n in names if n.endswith('.md')]
failed = 0
links = {}
for page in sorted(pages):
    with open(os.path.join(root, page), encoding='utf-8') as f:
        text = f.read()
    links[page] = set()
    for target in re.findall(r'\[[^\]]*\]\(([^)#\s]+)[^)]*\)', text):
        if re.match(r'[a-z]+:', target):
            continue
        path = os.path.normpath(os.path.join(os.path.dirname(page), target))
        links[page].add(path)
        if not os.path.exists(os.path.join(root, path)):
            print('%s: no such file: %s' % (page, target))
            failed += 1
seen, todo = set(), ['docs/index.md']
while todo:
    page = todo.pop()
    if page in seen:
        continue
    seen.add(page)
    todo += [p for p in links.get(page, ()) if p.endswith('.md')]
for page in sorted(p for p in pages if p.startswith('docs/') and p not in seen):
    print('%s: no way leads there from docs/index.md' % page)
    failed += 1
print('%d pages, %d failures' % (len(pages), failed))
sys.exit(1 if failed else 0)
