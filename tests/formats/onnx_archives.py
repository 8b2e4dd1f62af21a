# SPDX-License-Identifier: Apache-2.0
# The ONNX project's recorded cases and recorded exports, through onnx_cases. Usage: onnx_archives.py ONNX_CASES CASES.txt SHARED
import ast
import collections
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

# The ONNX project's own tolerance for its cases; the recorded outputs of some have four digits.
NODE_TOLERANCE = '1e-3'
# Sums in another order: some hundred roundings of a float.
TOLERANCE = '1e-4'


def run(program, tolerance, cases):
    """{case: (outcome, rest of the line)}"""
    found = {}
    out = subprocess.run([program, '--tolerance', tolerance] + cases, stdout=subprocess.PIPE, text=True)
    for line in out.stdout.splitlines():
        name, outcome, rest = line.split(' ', 2)
        found[name] = (outcome, rest)
    if out.returncode not in (0, 1) or len(found) != len(cases):
        sys.exit('%s ended with %d after %d of %d cases' % (program, out.returncode, len(found), len(cases)))
    return found


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    return bytes(out + bytes([v]))


def tensor_proto(npy):
    """A TensorProto with the float32 array of a .npy file."""
    assert npy[:6] == b'\x93NUMPY' and npy[6] == 1
    length = int.from_bytes(npy[8:10], 'little')
    head = ast.literal_eval(npy[10:10 + length].decode('latin1'))
    assert head['descr'] == '<f4' and not head['fortran_order']
    raw = npy[10 + length:]
    dims = b''.join(b'\x08' + varint(d) for d in head['shape'])
    return dims + b'\x10\x01' + b'\x4a' + varint(len(raw)) + raw


def recorded(shared, folder):
    """Exports with an .io.npz: NAME.onnx and the recorded run of the network it shows."""
    base = os.path.join(shared, 'formats', 'generated')
    cases = []
    for name in sorted(os.listdir(base)):
        if not name.endswith('.onnx'):
            continue
        stem = name[:-5]
        npz = next((stem[:n] for n in range(len(stem), 0, -1) if os.path.exists(os.path.join(base, stem[:n] + '.io.npz'))), None)
        if npz is None:
            continue
        case = os.path.join(folder, stem)
        data = os.path.join(case, 'test_data_set_0')
        os.makedirs(data)
        os.symlink(os.path.join(base, name), os.path.join(case, 'model.onnx'))
        with zipfile.ZipFile(os.path.join(base, npz + '.io.npz')) as z:
            for entry, file in (('x.npy', 'input_0.pb'), ('y.npy', 'output_0.pb')):
                with open(os.path.join(data, file), 'wb') as out:
                    out.write(tensor_proto(z.read(entry)))
        cases.append(case)
    return cases


def must_pass(found, bad):
    for name, (outcome, rest) in sorted(found.items()):
        print('%s %s %s' % (name, outcome, rest))
        if outcome != 'PASS':
            bad.append(name)


def main():
    program, expected, shared = os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
    formats = os.path.join(shared, 'formats')
    if not os.path.exists(os.path.join(formats, 'onnx-node.tar.xz')):
        print('skipped: no %s' % formats)
        sys.exit(77)
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        must_pass(run(program, TOLERANCE, recorded(shared, folder)), bad)

        with tarfile.open(os.path.join(formats, 'onnx-wheel.tar.xz')) as t:
            t.extractall(folder, [m for m in t.getmembers() if '/light/' in m.name])
        light = os.path.join(folder, 'onnx-wheel', 'light')
        must_pass(run(program, TOLERANCE, sorted(os.path.join(light, n) for n in os.listdir(light) if n.endswith('.onnx'))), bad)

        with tarfile.open(os.path.join(formats, 'onnx-node.tar.xz')) as t:
            t.extractall(folder)
        node = os.path.join(folder, 'onnx-node')
        found = run(program, NODE_TOLERANCE, [os.path.join(node, n) for n in sorted(os.listdir(node))])
        with open(expected) as f:
            wanted = {line.strip() for line in f if line.strip() and not line.startswith('#')}
        counts = collections.Counter(outcome for outcome, rest in found.values())
        for name, (outcome, rest) in sorted(found.items()):
            if outcome == 'FAIL' or (outcome != 'PASS') == (name in wanted):
                print('%s %s %s%s' % (name, outcome, rest, '' if name in wanted else ' (not listed in %s)' % os.path.basename(expected)))
                bad.append(name)
        for name in sorted(wanted - set(found)):
            print('%s is listed and does not exist' % name)
            bad.append(name)
        print('node cases: %d passed, %d unsupported, %d failed' % (counts['PASS'], counts['UNSUPPORTED'], counts['FAIL']))
    sys.exit(1 if bad else 0)


main()
