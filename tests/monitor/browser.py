# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium over the DevTools protocol's pipe: enough to open a page, ask it things and press keys."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome')


class Browser:
    """One page. Use it as a context manager."""

    def __init__(self, width=1280, height=1400, dark=False):
        path = next(filter(None, map(shutil.which, NAMES)), None)
        if not path:
            raise FileNotFoundError('there is no Chromium')
        self.home = tempfile.mkdtemp(prefix='dl4c-browser-')
        to_child, self.commands = os.pipe()
        self.answers, from_child = os.pipe()
        flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking',
                 '--no-first-run', '--remote-debugging-pipe', '--user-data-dir=' + self.home, 'about:blank']
        # The protocol is spoken on descriptors 3 and 4.
        script = 'exec "$0" "$@" 3<&%d 4>&%d' % (to_child, from_child)
        self.process = subprocess.Popen(['sh', '-c', script, path] + flags, pass_fds=(to_child, from_child), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(to_child)
        os.close(from_child)
        self.number, self.buffer, self.session, self.events = 0, b'', None, []
        target = self.send('Target.createTarget', url='about:blank')['targetId']
        self.session = self.send('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.send(domain + '.enable')
        self.send('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.dark(dark)

    def dark(self, on=True):
        self.send('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'dark' if on else 'light'}])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self.commands)  # a browser without a protocol ends
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.answers)
        shutil.rmtree(self.home, ignore_errors=True)

    def message(self):
        while b'\0' not in self.buffer:
            more = os.read(self.answers, 1 << 16)
            if not more:
                raise ConnectionError('the browser has ended')
            self.buffer += more
        text, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(text)

    def send(self, method, **params):
        self.number += 1
        call = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            call['sessionId'] = self.session
        data = json.dumps(call).encode() + b'\0'
        while data:
            data = data[os.write(self.commands, data):]
        while True:
            answer = self.message()
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise RuntimeError('%s: %s' % (method, answer['error']))
                return answer['result']
            if 'method' in answer:
                self.events.append(answer)

    def open(self, url):
        self.send('Page.navigate', url=url)

    def ask(self, expression):
        """The value of JavaScript, which may be a promise."""
        answer = self.send('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError('%s: %s' % (expression, answer['exceptionDetails']))
        return answer['result'].get('value')

    def wait(self, condition, seconds=30):
        until = time.monotonic() + seconds
        while not self.ask(condition):
            if time.monotonic() > until:
                raise TimeoutError('not so after %d s: %s\n%s' % (seconds, condition, self.complaints()))
            time.sleep(0.05)

    def press(self, key, code=None):
        for kind in ('rawKeyDown', 'keyUp'):
            self.send('Input.dispatchKeyEvent', type=kind, key=key, code=code or key)

    def mouse(self, kind, x, y, **more):
        self.send('Input.dispatchMouseEvent', type='mouse' + kind, x=x, y=y, **more)

    def move(self, x, y):
        self.mouse('Moved', x, y)

    def drag(self, start, end):
        self.move(*start)
        self.mouse('Pressed', *start, button='left', buttons=1, clickCount=1)
        self.mouse('Moved', *end, button='left', buttons=1)
        self.mouse('Released', *end, button='left', clickCount=1)

    def complaints(self):
        """Errors of scripts, of the content policy and of requests so far."""
        found = []
        for event in self.events:
            if event['method'] == 'Runtime.exceptionThrown':
                found.append(json.dumps(event['params']['exceptionDetails'])[:500])
            elif event['method'] == 'Log.entryAdded' and event['params']['entry']['level'] == 'error':
                found.append(event['params']['entry']['text'])
        return found

    def requests(self):
        return [e['params']['request']['url'] for e in self.events if e['method'] == 'Network.requestWillBeSent']

    def screenshot(self, path):
        data = self.send('Page.captureScreenshot', format='png', captureBeyondViewport=True)['data']
        with open(path, 'wb') as f:
            f.write(base64.b64decode(data))
