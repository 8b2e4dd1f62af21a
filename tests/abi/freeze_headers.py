# SPDX-License-Identifier: Apache-2.0
# Writes today's public declarations into one header that never changes again: old_client.c is compiled against it for ever.
# Usage: freeze_headers.py INCLUDE_DIR OUT VERSION
import os
import re
import sys


def main():
    include, out, version = sys.argv[1:4]
    seen, system, body = set(), [], []

    def add(name):
        if name in seen:
            return
        seen.add(name)
        with open(os.path.join(include, name), encoding='utf-8') as f:
            text = f.read()
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        guard = re.search(r'#ifndef (\w+)\n#define \1\n', text)
        text = text.replace(guard.group(0), '', 1)
        text = text[:text.rindex('#endif')]
        rest = []
        for line in text.split('\n'):
            own = re.match(r'\s*#\s*include <(dl4c/[^>]+)>', line)
            other = re.match(r'\s*#\s*include <([^>]+)>', line)
            if own:
                add(own.group(1))
            elif other:
                if line.strip() not in system:
                    system.append(line.strip())
            elif line.strip():
                rest.append(line.rstrip())
        if rest:
            body.append('/* %s */\n%s' % (name, '\n'.join(rest)))

    add('dl4c/dl4c.h')
    guard = 'DL4C_FROZEN_%s_H' % version.replace('.', '_')
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* SPDX-License-Identifier: Apache-2.0 */\n'
                '/* The public declarations of libdl4c %s, as a client compiled them. Written by scripts/freeze-abi; never edited. */\n'
                '#ifndef %s\n#define %s\n\n%s\n\n%s\n\n#endif\n'
                % (version, guard, guard, '\n'.join(system), '\n\n'.join(body)))


main()
