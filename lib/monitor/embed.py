# SPDX-License-Identifier: Apache-2.0
# Makes one C file of the page: monitor.html with monitor.css and monitor.js in it, and the hashes that let a browser run these two alone.
# Usage: embed.py monitor.html monitor.css monitor.js OUT.c
import base64
import hashlib
import re
import sys

html, css, js = (open(name, encoding='utf-8').read() for name in sys.argv[1:4])


def without_header(text):
    """The licence and purpose are for readers of the source."""
    return re.sub(r'\A\s*(?:<!--.*?-->|/\*.*?\*/\s*(?:/\*.*?\*/)?)\s*', '', text, flags=re.S)


def inside(page, mark, element, text):
    assert page.count(mark) == 1 and '</' + element not in text
    return page.replace(mark, '<%s>%s</%s>' % (element, text, element))


def digest(text):
    return 'sha256-' + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def lines(data):
    for at in range(0, len(data), 24):
        yield '    ' + ' '.join('%d,' % byte for byte in data[at:at + 24])


css, js = without_header(css), without_header(js)
page = '<!DOCTYPE html>\n' + without_header(re.sub(r'\A<!DOCTYPE html>\s*', '', html))
page = inside(inside(page, '<!-- monitor.css -->', 'style', css), '<!-- monitor.js -->', 'script', js).encode()
with open(sys.argv[4], 'w', encoding='utf-8') as out:
    out.write('/* Made by embed.py. */\n#include "monitor/monitor.h"\n\nconst char dli_monitor_script_hash[] = "%s";\n' % digest(js))
    out.write('const char dli_monitor_style_hash[] = "%s";\nconst size_t dli_monitor_page_size = %d;\n' % (digest(css), len(page)))
    out.write('const unsigned char dli_monitor_page[] = {\n%s\n};\n' % '\n'.join(lines(page)))
