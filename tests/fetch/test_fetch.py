# SPDX-License-Identifier: Apache-2.0
# dl4c fetch against a server of its own: whole files, connections that break, wrong digests, refusals, silence, a full disk.
# Usage: test_fetch.py DL4C
import hashlib
import http.server
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

DL4C = os.path.abspath(sys.argv[1])

DATA = bytes((i * i + (i >> 8)) % 251 for i in range(3 * 1000 * 1000))
OTHER = bytes(reversed(DATA))
SHA = hashlib.sha256(DATA).hexdigest()


def forged(wanted, n=4096, one=1000, two=3000):
    """Bytes with a given Adler-32: what is missing in its two sums is spread evenly around two places."""
    mod = 65521
    data = bytearray(n)
    s1, s2 = wanted & 0xffff, wanted >> 16
    d1, d2 = (s1 - 1) % mod, (s2 - n) % mod
    v = (d2 - d1 * one) * pow(two - one, -1, mod) % mod
    for weight, total in ((one, (d1 - v) % mod), (two, v)):
        middle = n - weight
        data[middle] = min(total, 255) if total < 256 else 255 - (255 - total) % 2
        rest, k = total - data[middle], 1
        while rest:
            c = min(rest // 2, 255)
            data[middle - k] = data[middle + k] = c
            rest -= 2 * c
            k += 1
    assert zlib.adler32(bytes(data)) == wanted
    return bytes(data)

LENET = forged(1906861161)
requests = []      # (path, Range, If-Range) of every request
release = threading.Event()


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.0'

    def log_message(self, *args):
        pass

    def answer(self, data, cut=None, ranges=True, etag='"one"', length=True):
        first, code = 0, 200
        wanted = self.headers.get('Range')
        condition = self.headers.get('If-Range')
        if ranges and wanted and (condition is None or condition == etag):
            first, code = int(wanted.split('=')[1].split('-')[0]), 206
            if first >= len(data):
                self.send_response(416)
                self.send_header('Content-Range', 'bytes */%d' % len(data))
                self.end_headers()
                return
        self.send_response(code)
        if etag:
            self.send_header('ETag', etag)
        if length:
            self.send_header('Content-Length', str(len(data) - first))
        if code == 206:
            self.send_header('Content-Range', 'bytes %d-%d/%d' % (first, len(data) - 1, len(data)))
        self.end_headers()
        body = data[first:]
        self.wfile.write(body if cut is None else body[:cut])

    def do_GET(self):
        requests.append((self.path, self.headers.get('Range'), self.headers.get('If-Range')))
        nth = sum(r[0] == self.path for r in requests)
        kind = self.path.split('/')[1]
        try:
            if kind == 'right':
                self.answer(LENET)
            elif kind == 'ok' or self.path.endswith('.zip') and kind == 'mirror':
                self.answer(DATA)
            elif kind == 'cut':
                self.answer(DATA, cut=700000 if nth < 4 else None)
            elif kind == 'cut-once':
                self.answer(DATA, cut=0 if nth == 2 else 1200000 if nth == 1 else None)
            elif kind == 'no-ranges':
                self.answer(DATA, cut=900000 if nth == 1 else None, ranges=False, etag=None)
            elif kind == 'changes':
                self.answer(OTHER if nth == 1 else DATA, cut=900000 if nth == 1 else None, etag='"a"' if nth == 1 else '"b"')
            elif kind == 'redirect':
                self.send_response(302)
                self.send_header('Location', '/ok/file.bin')
                self.end_headers()
            elif kind == 'empty':
                self.answer(b'')
            elif kind in ('404', '403', '500'):
                self.send_response(int(kind))
                self.end_headers()
                self.wfile.write(b'a page that is no weights')
            elif kind == 'silent':
                release.wait(20)
            elif kind == 'trickle':
                self.send_response(200)
                self.send_header('Content-Length', str(len(DATA)))
                self.end_headers()
                for i in range(200):
                    if release.wait(0.05):
                        break
                    self.wfile.write(DATA[i:i + 1])
                    self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Server)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
base = 'http://127.0.0.1:%d' % server.server_port
work = tempfile.TemporaryDirectory()
environment = dict(os.environ, no_proxy='*', XDG_CACHE_HOME=os.path.join(work.name, 'xdg'))


def fetch(*args, **kw):
    return subprocess.run([DL4C, 'fetch', *args], capture_output=True, text=True, env=environment, timeout=60, **kw)


def cache(name):
    return os.path.join(work.name, name)


def files(name):
    folder = cache(name)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def good(name, path, *args, received=None, data=DATA):
    done = fetch(base + path, '--cache', cache(name), '--json', *args)
    assert done.returncode == 0, (name, done.stderr)
    got = json.loads(done.stdout)
    with open(got['path'], 'rb') as f:
        assert f.read() == data, name
    assert got['sha256'] == hashlib.sha256(data).hexdigest() and got['bytes'] == len(data)
    assert files(name) == [os.path.basename(got['path'])], files(name)
    if received is not None:
        assert got['received'] == received, got
    return got


def bad(name, path, words, *args, code=1, **kw):
    done = fetch(base + path, '--cache', cache(name), *args, **kw)
    assert done.returncode == code, (name, done.returncode, done.stderr)
    assert words in done.stderr, (name, words, done.stderr)
    assert done.stdout == ''
    assert not [f for f in files(name) if not f.endswith(('.part', '.etag'))], files(name)


def whole_file_is_fetched_checked_and_kept():
    got = good('whole', '/ok/file.bin', '--sha256', SHA, received=len(DATA))
    assert got['checked'] == 'sha256'
    n = len(requests)
    good('whole', '/ok/file.bin', '--sha256', SHA, received=0)
    assert len(requests) == n
    good('whole', '/ok/file.bin', '--sha256', SHA, '--offline', received=0)
    good('whole', '/ok/file.bin', '--sha256', SHA, '--again', received=len(DATA))
    with open(got['path'], 'r+b') as f:     # damage in the cache is found and mended
        f.write(b'x')
    good('whole', '/ok/file.bin', '--sha256', SHA, received=len(DATA))
    assert good('unchecked', '/ok/file.bin')['checked'] == 'nothing'
    assert 'pin it with --sha256 ' + SHA in fetch(base + '/ok/file.bin', '--cache', cache('unchecked')).stderr


def broken_connections_are_taken_up_where_they_broke():
    good('cut', '/cut/file.bin', '--sha256', SHA, received=len(DATA))
    mine = [r for r in requests if r[0].startswith('/cut/')]
    assert [r[1] for r in mine] == [None, 'bytes=700000-', 'bytes=1400000-', 'bytes=2100000-'], mine
    assert mine[1][2] == '"one"'


def a_later_call_goes_on():
    bad('later', '/cut-once/file.bin', 'file.bin: ', '--sha256', SHA)
    assert [f.split('-', 1)[1] for f in files('later')] == ['file.bin.part', 'file.bin.part.etag'], files('later')
    assert os.path.getsize(os.path.join(cache('later'), files('later')[0])) == 1200000
    good('later', '/cut-once/file.bin', '--sha256', SHA, received=len(DATA) - 1200000)


def a_server_without_ranges_starts_again():
    good('ranges', '/no-ranges/file.bin', '--sha256', SHA, received=len(DATA) + 900000)


def a_file_that_changes_is_not_mixed():
    good('changes', '/changes/file.bin', received=len(DATA) + 900000)


def a_part_that_is_whole_already_is_only_checked():
    url = base + '/ok/done.bin'
    os.mkdir(cache('part'))
    name = os.path.join(cache('part'), hashlib.sha256(url.encode()).hexdigest()[:12] + '-done.bin')
    with open(name + '.part', 'wb') as f:
        f.write(DATA)
    good('part', '/ok/done.bin', '--sha256', SHA, received=0)
    os.remove(name)
    with open(name + '.part', 'wb') as f:   # longer than the file, and wrong
        f.write(OTHER + b'more')
    good('part', '/ok/done.bin', '--sha256', SHA, received=len(DATA))


def redirects_are_followed_and_empty_files_are_files():
    good('redirect', '/redirect/file.bin', '--sha256', SHA)
    good('empty', '/empty/file.bin', data=b'', received=0)


def wrong_digests_are_refused_and_removed():
    bad('wrong', '/ok/file.bin', 'has SHA-256 ' + SHA, '--sha256', '0' * 64)
    assert files('wrong') == [], files('wrong')
    bad('wrong', '/ok/file.bin', 'wanted 64', '--sha256', '12')
    done = fetch('lenet', '--mirror', base + '/mirror/', '--cache', cache('adler'))
    assert done.returncode == 1 and 'Adler-32 %d, wanted 1906861161' % zlib.adler32(DATA) in done.stderr, done.stderr
    assert requests[-1][0] == '/mirror/lenet_dl4j_mnist_inference.zip', requests[-1]
    done = fetch('vgg16-onnx', '--mirror', base + '/ok', '--cache', cache('size'))
    assert done.returncode == 1 and 'has 3000000 bytes, wanted 553437328' in done.stderr, done.stderr
    assert files('size') == []


def a_published_adler32_is_checked_and_said_to_be_weak():
    done = fetch('lenet', '--mirror', base + '/right', '--cache', cache('right'), '--json')
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got['checked'] == 'adler32' and got['bytes'] == len(LENET)
    assert os.path.basename(got['path']) == 'lenet_dl4j_mnist_inference.zip'
    assert 'accidents only; pin it with --sha256 ' + got['sha256'] in done.stderr, done.stderr


def refusals_name_the_answer():
    bad('404', '/404/file.bin', 'the server answers 404')
    bad('403', '/403/file.bin', 'the server answers 403')
    bad('500', '/500/file.bin', 'the server answers 500')
    assert files('500') == []
    done = fetch('http://127.0.0.1:1/file.bin', '--cache', cache('closed'))
    assert done.returncode == 1 and '127.0.0.1:1' in done.stderr, done.stderr
    done = fetch('file:///etc/passwd', '--cache', cache('closed'))
    assert done.returncode == 1 and 'vgg16' in done.stderr, done.stderr
    bad('offline', '/ok/file.bin', 'is not in the cache', '--offline')


def silence_and_slowness_end_in_time():
    start = time.monotonic()
    bad('silent', '/silent/file.bin', 'has sent nothing for 0.5 seconds', '--stall', '0.5')
    bad('trickle', '/trickle/file.bin', 'fetch', '--timeout', '1')
    assert time.monotonic() - start < 15
    assert os.path.getsize(os.path.join(cache('trickle'), files('trickle')[0])) > 0   # what came is kept for the next call


def an_interrupt_ends_it():
    p = subprocess.Popen([DL4C, 'fetch', base + '/silent/other.bin', '--cache', cache('signal')], stderr=subprocess.PIPE, env=environment)
    while not any(r[0] == '/silent/other.bin' for r in requests):
        time.sleep(0.01)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=20)
    assert p.returncode == 130, p.returncode


def a_full_disk_is_said_and_mended():
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500000, 1500000))
    bad('full', '/ok/file.bin', 'File too large', '--sha256', SHA, preexec_fn=limit)
    good('full', '/ok/file.bin', '--sha256', SHA)


def the_cache_is_where_xdg_says():
    done = fetch(base + '/ok/file.bin', '--sha256', SHA)
    assert done.returncode == 0 and done.stdout.startswith(environment['XDG_CACHE_HOME'] + '/dl4c/'), (done.stdout, done.stderr)


def the_list_has_addresses_and_usage_is_checked():
    done = fetch()
    assert done.returncode == 0 and 'https://dl4jdata.blob.core.windows.net/models/vgg16_dl4j_inference.zip' in done.stdout
    assert fetch('vgg16', '--stall', '0').returncode == 2
    assert fetch('vgg16', '--mirror', 'ftp://x', '--cache', cache('x')).returncode == 1


tests = [f for n, f in list(globals().items()) if callable(f) and getattr(f, '__module__', '') == '__main__' and
         n not in ('Server', 'fetch', 'cache', 'files', 'good', 'bad', 'forged')]
for test in tests:
    start = time.monotonic()
    test()
    print('ok %.1f s %s' % (time.monotonic() - start, test.__name__))
release.set()
server.shutdown()
work.cleanup()
print('%d tests' % len(tests))
