# SPDX-License-Identifier: Apache-2.0
# The ABI gate. `check` compares the built library with the committed baseline: nothing that a compiled client relies on may change, and
# what was added must be in the baseline, so that it is guarded from now on. `renew` writes the baseline anew and refuses when that would
# hide a break. Usage: abi.py check|renew LIBDL4C.SO INCLUDE_DIR BASELINE WORK_DIR [--force]
import os
import re
import shutil
import subprocess
import sys

# Nothing of the machine, the build folder or the inside of the library goes into the baseline.
DW = ['abidw', '--drop-private-types', '--exported-interfaces-only', '--drop-undefined-syms', '--no-show-locs', '--no-corpus-path',
      '--no-comp-dir-path', '--no-elf-needed', '--no-parameter-names', '--type-id-style', 'hash']
# What abidiff answers with, added up.
ERROR, CHANGE = 1 | 2, 4 | 8


def sized_structs(include):
    """Names of the structs that begin with struct_size: they grow at their end, by rule."""
    found = []
    for name in sorted(os.listdir(include)):
        if name.endswith('.h'):
            with open(os.path.join(include, name), encoding='utf-8') as f:
                found += re.findall(r'\bstruct\s+(\w+)\s*\{\s*size_t\s+struct_size\s*;', f.read())
    return sorted(set(found))


def suppressions(include, work):
    path = os.path.join(work, 'grow.suppr')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('[suppress_type]\n  type_kind = struct\n  name_regexp = ^(%s)$\n  has_data_member_inserted_at = end\n'
                % '|'.join(sized_structs(include)))
    return path


def diff(baseline, library, *options):
    # No --drop-private-types here: the baseline has no locations, so every type of it would count as private and nothing be compared.
    command = ['abidiff', '--exported-interfaces-only', '--no-corpus-path', *options, baseline, library]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if out.returncode & ERROR:
        print('%s\n%s' % (' '.join(command), out.stdout))
        sys.exit(1)
    return bool(out.returncode & CHANGE), out.stdout


def broken(baseline, library, include, work):
    changed, text = diff(baseline, library, '--no-added-syms', '--suppressions', suppressions(include, work))
    # The suppression forgives a struct whatever else happened to it once something was added at its end.
    _, whole = diff(baseline, library, '--no-added-syms')
    if re.search(r'\d+ data member (?:change|deletion)', whole):
        return True, whole
    return changed, text


def main():
    verb, library, include, baseline, work = sys.argv[1:6]
    include = os.path.join(include, 'dl4c')     # libabigail does not look into folders below it
    if not shutil.which('abidw') or not shutil.which('abidiff'):
        print('skipped: abidw and abidiff (package abigail-tools) are not installed')
        return 77
    if verb == 'check' and not os.path.exists(baseline):
        print('skipped: there is no baseline yet: scripts/freeze-abi makes the first one')
        return 77
    if os.path.exists(baseline):
        breaks, text = broken(baseline, library, include, work)
        if breaks and '--force' not in sys.argv[6:]:
            print(text)
            print('%s: a compiled client would break. Add a new function or a field at the end of a struct with struct_size instead; '
                  'a removal raises abi_major in meson.build and starts a new baseline with --force.' % os.path.basename(baseline))
            return 1
    if verb == 'renew':
        command = [*DW, '--headers-dir', include, '--out-file', baseline, library]
        if subprocess.run(command).returncode:
            return 1
        with open(baseline, encoding='utf-8') as f:
            text = re.sub(r"path='(?:\.\./)+", "path='", f.read())
        with open(baseline, 'w', encoding='utf-8') as f:
            f.write(text)
        return 0
    grown, text = diff(baseline, library)
    if grown:
        print(text)
        print('%s: compatible, but not guarded yet: meson compile -C BUILD abi-baseline, and commit it.' % os.path.basename(baseline))
        return 1
    print('no difference to %s' % os.path.basename(baseline))
    return 0


sys.exit(main())
