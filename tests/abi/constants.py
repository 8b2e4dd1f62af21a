# SPDX-License-Identifier: Apache-2.0
# Every enumerator, numeric macro and struct offset of a frozen header still has its value in today's headers: a compiled client has them
# built in. Structs with struct_size may have grown. Usage: constants.py CC INCLUDE_DIR FROZEN.h WORK_DIR
import os
import re
import shlex
import subprocess
import sys


def names(text):
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    # In order, with their values: versions are the one thing that must change.
    constants = []
    for block in re.findall(r'\benum\s*\w*\s*\{([^}]*)\}', text):
        constants += re.findall(r'\b(DL4C_\w+)\s*=', block)
    members = []
    for struct, block in re.findall(r'^struct (\w+) \{\n(.*?)^\};', text, re.M | re.S):
        flat = re.sub(r'\bunion\s*\{[^}]*\}\s*(\w+);', r'int \1;', block)
        for declaration in flat.split(';'):
            function = re.search(r'\(\*(\w+)\)\s*\(', declaration)
            if function:
                members.append((struct, function.group(1)))
            else:
                for part in declaration.split(','):
                    found = re.search(r'(\w+)\s*(?:\[[^\]]*\])?\s*$', part.strip())
                    if found:
                        members.append((struct, found.group(1)))
    return constants, members, re.findall(r'^struct (\w+) \{\n(?!\s*size_t struct_size)', text, re.M)


def values(cc, args, lines, work, name):
    source, exe = os.path.join(work, name + '.c'), os.path.join(work, name)
    with open(source, 'w', encoding='utf-8') as f:
        f.write('\n'.join(lines))
    subprocess.run([*cc, *args, source, '-o', exe], check=True)
    out = subprocess.run([exe], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return dict(line.rsplit(' ', 1) for line in out.splitlines())


def main():
    cc, include, frozen, work = shlex.split(sys.argv[1]), *sys.argv[2:5]
    with open(frozen, encoding='utf-8') as f:
        constants, members, fixed = names(f.read())
    body = ['#include <stdio.h>', '#include <stddef.h>', 'int main(void)', '{']
    body += ['    printf("%s %%lld\\n", (long long)%s);' % (c, c) for c in constants]
    body += ['    printf("%s.%s %%zu\\n", offsetof(struct %s, %s));' % (s, m, s, m) for s, m in members]
    body += ['    printf("sizeof %s %%zu\\n", sizeof(struct %s));' % (s, s) for s in fixed]
    body += ['    return 0;', '}', '']
    then = values(cc, [], ['#include "%s"' % os.path.abspath(frozen)] + body, work, 'then')
    now = values(cc, ['-I' + include], ['#include <dl4c/dl4c.h>'] + body, work, 'now')
    wrong = [k for k in then if now.get(k) != then[k]]
    for k in wrong:
        print('%s was %s in %s and is %s: a compiled client has it built in' % (k, then[k], os.path.basename(frozen), now.get(k)))
    print('%d constants, %d members, %d differ' % (len(constants), len(members), len(wrong)))
    return 1 if wrong or not constants or not members else 0


sys.exit(main())
