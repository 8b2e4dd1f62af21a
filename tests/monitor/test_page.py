# SPDX-License-Identifier: Apache-2.0
"""The page of dl4c monitor in headless Chromium: the points that it draws are those of the record, live and after.

Usage: test_page.py DL4C"""
import array
import hashlib
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

from browser import Browser

dl4c = os.path.abspath(sys.argv[1])
CLASSES = ('bass', 'beaver', '<b>barrel</b>')
failures = []


def check(good, *what):
    if not good:
        failures.append(what)
        print('FAILED', *what, flush=True)


def lines(path):
    with open(path, encoding='utf-8') as f:
        return [json.loads(line) for line in f]


def append(path, *objects):
    with open(path, 'a', encoding='utf-8') as f:
        f.write(''.join(json.dumps(o) + '\n' for o in objects))


def make_store(folder, rows, seed):
    """Features around a centre of each class."""
    rng, features, labels = random.Random(seed), array.array('f'), array.array('q')
    for i in range(rows):
        labels.append(i % 3)
        features.extend(rng.gauss(1.5 if d == i % 3 else 0, 1) for d in range(6))
    at = 4 * len(features)
    head = {'__metadata__': {'classes': json.dumps(CLASSES), 'paths': json.dumps(['%d.jpg' % i for i in range(rows)])},
            'features': {'dtype': 'F32', 'shape': [rows, 6], 'data_offsets': [0, at]},
            'labels': {'dtype': 'I64', 'shape': [rows], 'data_offsets': [at, at + 8 * rows]}}
    text = json.dumps(head).encode()
    text += b' ' * (-len(text) % 8)
    data = len(text).to_bytes(8, 'little') + text + features.tobytes() + labels.tobytes()
    os.makedirs(folder)
    with open(folder + '/features-00000.safetensors', 'wb') as f:
        f.write(data)
    with open(folder + '/manifest.json', 'w', encoding='utf-8') as f:
        json.dump({'shards': [{'name': 'features-00000.safetensors', 'rows': rows, 'sha256': hashlib.sha256(data).hexdigest()}]}, f)
    open(folder + '/_SUCCESS', 'w').close()


def train(*args):
    subprocess.run([dl4c, 'train', '--features', 'train', '--progress', 'none', '--out', 'head.zip', *args], check=True)


class Monitor:
    """dl4c monitor, and where it listens."""

    def __init__(self, *args):
        self.process = subprocess.Popen([dl4c, 'monitor', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        check(re.fullmatch(r'http://127\.0\.0\.1:\d+/', self.url), 'it printed %r' % self.url)

    def end(self, number):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        check(self.process.returncode == 128 + number and out == '' and err == '', 'signal %d:' % number, self.process.returncode, out, err)


# ---- what is drawn, as values again ----

READ = '''(() => {
  const svg = document.querySelector('#%s > svg'), b = svg.dataset;
  const back = (p, from, to, low, high, log) => {
    const v = log ? Math.log10(+low) : +low, w = log ? Math.log10(+high) : +high, at = v + (p - from) / (to - from) * (w - v);
    return log ? Math.pow(10, at) : at;
  };
  return [...svg.querySelectorAll('path[data-run]')].map((p) => ({
    run: p.dataset.run, kind: p.getAttribute('class'), worker: p.dataset.worker,
    points: [...p.getAttribute('d').matchAll(/([ML])([\\d.-]+) ([\\d.-]+)/g)]
      .map((m) => [back(+m[2], +b.left, +b.right, b.x0, b.x1, false), back(+m[3], +b.bottom, +b.top, b.y0, b.y1, b.log === '1')]),
    x: (b.x1 - b.x0) / (b.right - b.left) / 100, y: (b.y1 - b.y0) / (b.bottom - b.top) / 100,
  }));
})()'''


def drawn(page, chart, run, kind):
    """[[x, y], ...] of the one curve, and how far a hundredth of a pixel, to which paths are written, goes on each axis."""
    found = [p for p in page.ask(READ % chart) if p['run'] == run and p['kind'] == kind]
    if len(found) != 1:
        check(False, '%s has %d curves "%s" of %s' % (chart, len(found), kind, run))
        return [], 1, 1
    return found[0]['points'], found[0]['x'], found[0]['y']


def same(page, chart, run, kind, wanted, what=''):
    points, dx, dy = drawn(page, chart, run, kind)
    wanted = list(wanted)
    far = [(p, w) for p, w in zip(points, wanted) if abs(p[0] - w[0]) > dx + 1e-6 or abs(p[1] - w[1]) > dy + 2e-5 * abs(w[1])]
    check(len(points) == len(wanted) and not far, chart, run, kind, what, '%d points, wanted %d' % (len(points), len(wanted)), far[:3])


def smoothed(values, factor):
    total, weight, out = 0, 0, []
    for v in values:
        total, weight = factor * total + (1 - factor) * v, factor * weight + (1 - factor)
        out.append(total / weight)
    return out


def look(page, url, at=''):
    page.open('about:blank')
    page.open(url + at)
    page.wait('document.readyState === "complete" && Number(document.documentElement.dataset.answered || 0) >= 1 && '
              '!runs.some((r) => r.more)')


def answered_again(page):
    n = page.ask('Number(document.documentElement.dataset.answered)')
    page.wait('Number(document.documentElement.dataset.answered) >= %d' % (n + 2))


# ---- what it must show ----

def a_finished_run(page, url):
    scores, epochs = lines('three/scores.jsonl'), lines('three/epochs.jsonl')
    last = scores[-1]['iteration']
    by_worker = [[s for s in scores if s['worker'] == w] for w in range(3)]
    check(all([s['iteration'] for s in own] == list(range(1, last + 1)) for own in by_worker), 'the record is not as this test thinks')
    means = [sum(own[i]['score'] for own in by_worker) / 3 for i in range(last)]
    at = range(1, last + 1)

    look(page, url)
    same(page, 'score', 'three', 'raw', zip(at, means))
    same(page, 'score', 'three', 'smooth', zip(at, smoothed(means, 0.9)))
    each = [smoothed([s['score'] for s in own], 0.9) for own in by_worker]
    high, low = [max(v) for v in zip(*each)], [min(v) for v in zip(*each)]
    same(page, 'score', 'three', 'spread', list(zip(at, high)) + list(zip(reversed(at), reversed(low))))
    same(page, 'accuracy', 'three', 'validation', ((e['epoch'], e['val_accuracy']) for e in epochs))
    same(page, 'accuracy', 'three', 'training', ((e['epoch'], e['train_accuracy']) for e in epochs))
    same(page, 'epochs', 'three', 'validation', ((e['epoch'], e['val_score']) for e in epochs))
    rates = [sum(own[i]['rate'] for own in by_worker) for i in range(last)]
    same(page, 'rate', 'three', 'raw', zip(at, rates))
    check(page.ask('document.querySelectorAll("#events tbody tr").length') >= 2, 'events are missing')
    row = page.ask('document.querySelector("#runs tbody tr").innerText')
    check('done' in row and '4 of 4' in row and str(last) in row, 'the run is told as %r' % row)

    look(page, url, '#smoothing=0&workers=lines&raw=0')
    workers = [p for p in page.ask(READ % 'score') if p['run'] == 'three' and p['kind'] == 'worker']
    check([p['worker'] for p in workers] == ['0', '1', '2'], 'lines of workers are', [p['worker'] for p in workers])
    for p, own in zip(workers, by_worker):
        check(len(p['points']) == last and all(abs(q[1] - s['score']) <= p['y'] + 1e-5 for q, s in zip(p['points'], own)),
              'a worker differs')
    check(not [p for p in page.ask(READ % 'score') if p['kind'] == 'raw'], 'raw scores are drawn nevertheless')

    look(page, url, '#log=1&smoothing=0')
    points, _, _ = drawn(page, 'score', 'three', 'smooth')
    check(len(points) == last and all(abs(math.log(p[1] / m)) < 1e-3 for p, m in zip(points, means)), 'the logarithmic axis lies')
    look(page, url, '#x=time')
    began = json.load(open('three/run.json', encoding='utf-8'))['time']
    points, dx, _ = drawn(page, 'score', 'three', 'smooth')
    latest = [max(own[i]['time'] for own in by_worker) for i in range(last)]
    check(all(abs(p[0] - (t - began)) < dx + 2e-3 for p, t in zip(points, latest)), 'times are not those of the record')
    check('[s]' in page.ask('document.querySelector("#score .label").textContent'), 'the axis of time has no unit')


def several_runs(page, url):
    look(page, url, '#smoothing=0')
    for name in ('three', 'one'):
        scores = [s for s in lines(name + '/scores.jsonl') if s['worker'] == 0]
        points, _, _ = drawn(page, 'score', name, 'smooth')
        check(len(points) == len(scores), name, 'has %d points, not %d' % (len(points), len(scores)))
    check(not [p for p in page.ask(READ % 'score') if p['run'] == 'one' and p['kind'] == 'spread'], 'a single worker has a spread')
    colours = page.ask('[...document.querySelectorAll("#score path.smooth")].map((p) => getComputedStyle(p).stroke)')
    check(len(colours) == len(set(colours)) and len(colours) >= 2, 'runs have the colours', colours)
    page.ask('document.querySelectorAll("#runs input")[0].click()')
    page.wait('document.querySelectorAll("#score path.smooth").length === %d' % (len(colours) - 1))
    check('hidden=0' in page.ask('location.hash'), 'the address does not keep what is hidden')


def step(i, worker, score):
    return {'time': time.time(), 'epoch': 1, 'round': 1, 'iteration': i, 'worker': worker, 'examples': 8, 'score': score, 'rate': 50}


def a_run_that_grows(page, url):
    look(page, url, '#smoothing=0&hidden=0,1')
    check('no score' in page.ask('document.querySelector("#score").innerText'), 'an empty run has curves')
    check('waiting' in page.ask('document.querySelectorAll("#runs tbody tr")[2].innerText'), 'an empty run is not waited for')
    with open('live/run.json', 'w', encoding='utf-8') as f:
        json.dump({'format': 1, 'command': '<img src=x onerror="window.caught=1">', 'time': time.time(),
                   'options': {'epochs': 9, 'batch': 8}, 'train': {'rows': 80, 'classes': 3, 'class_names': CLASSES}}, f)
    append('live/events.jsonl', {'time': time.time(), 'kind': 'start', 'epoch': 0, 'iteration': 0, 'round': None, 'worker': None,
                                 'message': '</script><script>window.caught=1</script>'})
    append('live/scores.jsonl', *(step(i, 0, 1 / i) for i in range(1, 11)))
    page.wait('document.querySelectorAll("#score path.smooth").length === 1')
    same(page, 'score', 'live', 'smooth', ((i, 1 / i) for i in range(1, 11)))
    check('running' in page.ask('document.querySelectorAll("#runs tbody tr")[2].innerText'), 'it is not told as running')
    check('</script><script>' in page.ask('document.querySelector("#events").innerText'), 'the message is not shown as it is')

    with open('live/scores.jsonl', 'a', encoding='utf-8') as f:  # half a line, then the rest
        text = json.dumps(step(11, 0, 0.5))
        f.write(text[:40])
        f.flush()
        answered_again(page)
        same(page, 'score', 'live', 'smooth', ((i, 1 / i) for i in range(1, 11)), 'before the line was whole')
        f.write(text[40:] + '\n')
    page.wait('document.querySelector("#score path.smooth")?.dataset.points === "11"')
    check(not page.ask('document.querySelectorAll("[data-warning=note]").length'), 'half a line was held against the run')

    append('live/scores.jsonl', step(6, 0, 2.0), step(7, 0, 2.5))  # goes on from a checkpoint
    page.wait('document.querySelector("#score path.smooth")?.dataset.points === "7"')
    same(page, 'score', 'live', 'smooth', [(i, 1 / i) for i in range(1, 6)] + [(6, 2.0), (7, 2.5)])
    check('restart' in page.ask('document.querySelector("#events").innerText'), 'the restart is no event')
    check(page.ask('document.querySelectorAll("#score path.flag").length') == 1, 'the restart has no flag')

    with open('live/scores.jsonl', 'a', encoding='utf-8') as f:
        f.write('what is this\n')
    page.wait('document.querySelectorAll("[data-warning=note]").length === 1')
    check('1 line was left out' in page.ask('document.querySelector("[data-warning=note]").textContent'), 'a bad line is not told')

    check(not page.ask('document.querySelectorAll("[data-warning=label-shares]").length'), 'a warning without a reason')
    append('live/epochs.jsonl', {'time': time.time(), 'epoch': 1, 'iteration': 11, 'examples': 240, 'val_accuracy': 0.25,
                                 'labels': [[40, 40, 0], [0, 40, 40]], 'label_dispersion': 7.5})
    page.wait('document.querySelectorAll("[data-warning=label-shares]").length === 1')
    text = page.ask('document.querySelector("[data-warning=label-shares]").textContent')
    check('label shares differ' in text and any(name in text for name in CLASSES), 'the warning says', text)
    check(page.ask('document.querySelectorAll("[data-warning=label-order]").length') == 1, 'sorted examples are not told')
    same(page, 'accuracy', 'live', 'validation', [(1, 0.25)])
    append('live/epochs.jsonl', {'time': time.time(), 'epoch': 2, 'iteration': 12, 'labels': [[40, 40, 40], [41, 39, 40]],
                                 'label_dispersion': 1.1})
    page.wait('document.querySelectorAll("[data-warning=label-shares]").length === 0')

    os.replace('live/scores.jsonl', 'live/old')  # another run under the name
    append('live/scores.jsonl', *(step(i, 0, 3.0) for i in range(1, 4)))
    page.wait('document.querySelector("#score path.smooth")?.dataset.points === "3"')
    check(not page.ask('window.caught'), 'text of a run was executed')


def many_points(page, url):
    with open('live/scores.jsonl', 'a', encoding='utf-8') as f:
        for i in range(4, 100001):
            f.write('{"iteration": %d, "score": %d, "rate": 9}\n' % (i, 1000 if i == 77777 else 3))
    look(page, url, '#hidden=0,1&smoothing=0')
    page.wait('runs[2].iteration === 100000 && !runs[2].more')
    points, _, _ = drawn(page, 'score', 'live', 'smooth')
    kept = int(page.ask('document.querySelector("#score path.smooth").dataset.points'))
    check(2000 < kept <= 8192, 'it keeps %d points' % kept)
    check(abs(points[-1][0] - 100000) < 100, 'the last point is at', points[-1])
    top = max(y for _, y in drawn(page, 'score', 'live', 'envelope')[0])
    check(abs(top - 1000) < 1, 'the one high score of 100 000 is drawn as', top)
    check(page.ask('document.querySelector("#score path.smooth").getAttribute("d").length') < 200000, 'a path is too long')
    times = page.ask('''[1, 2, 3, 4, 5].map(() => {
      const t = performance.now();
      runs[2].scores.stale = true;
      drawAll();
      return performance.now() - t;
    })''')
    print('drawing 100 000 points anew took %.0f ms' % sorted(times)[2])
    size = page.ask('fetch("data?since=" + since).then((a) => a.text()).then((t) => t.length)')
    check(size < 4000, 'an answer without news has %d bytes' % size)


def axes(page, url):
    """A number at an axis stands where that value is drawn."""
    look(page, url, '#hidden=1,2')
    for chart, scale in (('score', 1), ('accuracy', 100), ('epochs', 1), ('rate', 1)):
        ticks = page.ask('''(() => {
          const svg = document.querySelector('#%s > svg'), b = svg.dataset, own = [...svg.querySelectorAll('text:not(.label)')];
          const value = (p, from, to, low, high) => +low + (p - from) / (to - from) * (high - low);
          return own.map((t) => [Number(t.textContent.replace(/,/g, '')), t.getAttribute('text-anchor') === 'end' ?
            value(t.getAttribute('y') - 4, +b.bottom, +b.top, b.y0, b.y1) : value(+t.getAttribute('x'), +b.left, +b.right, b.x0, b.x1),
            t.getAttribute('text-anchor') === 'end', (b.y1 - b.y0) / (b.bottom - b.top), (b.x1 - b.x0) / (b.right - b.left)]);
        })()''' % chart)
        for shown, at, upright, dy, dx in ticks:
            near = 0.11 * (dy * scale if upright else dx)  # they are placed to a tenth of a pixel
            check(abs(shown - at * (scale if upright else 1)) <= near, chart, 'a tick says', shown, 'at', at)
        check(len(ticks) >= 6, chart, 'has %d ticks' % len(ticks))


def keys(page, url):
    look(page, url, '#hidden=1,2')
    page.ask('document.getElementById("smoothing").focus()')
    page.press('ArrowRight')
    page.wait('document.getElementById("smoothing-value").textContent === "0.95"')
    check(page.ask('document.getElementById("smoothing").getAttribute("aria-valuetext")') == '0.95', 'the factor is not spoken')
    check('smoothing=0.95' in page.ask('location.hash'), 'the address does not keep the factor')
    page.ask('document.querySelector("#accuracy > svg").focus()')
    page.press('Home')
    spoken = page.ask('document.getElementById("spoken").textContent')
    check('epoch 1' in spoken and 'validation' in spoken and '%' in spoken, 'a key says', spoken)
    check(page.ask('!document.getElementById("tip").hidden && document.querySelectorAll("#accuracy .cross").length === 1'),
          'no values are shown')
    page.press('Escape')
    check(page.ask('document.getElementById("tip").hidden'), 'they do not go away')
    box = page.ask('JSON.parse(JSON.stringify(document.querySelector("#score > svg").getBoundingClientRect()))')
    page.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    page.wait('!document.getElementById("tip").hidden && document.getElementById("tip").innerText.includes("smoothed")')
    points, _, _ = drawn(page, 'score', 'three', 'smooth')
    middle, y = box['x'] + 58, box['y'] + box['height'] / 2
    page.drag((middle + 300, y), (middle + 600, y))
    page.wait('!document.querySelector("#score .back").hidden')
    closer, _, _ = drawn(page, 'score', 'three', 'smooth')
    x0, x1 = page.ask('(({ x0, x1 }) => [+x0, +x1])(document.querySelector("#score > svg").dataset)')
    width = box['width'] - 70  # of the axis
    wanted = [1 + (points[-1][0] - 1) * f / width for f in (300, 600)]
    check(abs(x0 - wanted[0]) < 0.1 and abs(x1 - wanted[1]) < 0.1, 'drawing a range shows', x0, x1, 'wanted', wanted)
    check(1 < len(closer) < len(points) and all(any(math.dist(p, q) < 0.02 for q in points) for p in closer), 'it shows other points')
    page.ask('document.querySelector("#score > svg").focus()')
    page.press('Escape')
    page.press('Escape')
    page.wait('document.querySelector("#score .back").hidden')
    page.press('+', 'Equal')
    page.wait('!document.querySelector("#score .back").hidden')
    page.press('-', 'Minus')
    page.wait('document.querySelector("#score .back").hidden')
    bare = page.ask('''[...document.querySelectorAll('input, select, button')]
      .filter((e) => !e.labels?.length && !e.textContent.trim()).length''')
    check(bare == 0, '%d controls have no name' % bare)
    for chart, unit in (('score', 'iteration'), ('accuracy', '%'), ('epochs', 'epoch'), ('rate', 'examples/s')):
        labels = page.ask('[...document.querySelectorAll("#%s .label")].map((t) => t.textContent).join(" ")' % chart)
        check(unit in labels and page.ask('document.querySelector("#%s h2").textContent' % chart), chart, 'has the axes', labels)


def contrast(page, what):
    """WCAG's ratio of text and curves to what is behind them."""
    ratios = page.ask('''(() => {
      const light = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
      const ratio = (a, b) => { const x = light(a), y = light(b); return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
      const style = (q) => getComputedStyle(document.querySelector(q)), card = style('figure').backgroundColor;
      const probe = document.body.appendChild(document.createElement('p')), all = [];
      for (const name of ['ink', 'soft', 'warn', 'bad', 'good', 'focus', ...Array.from({ length: 8 }, (_, i) => 'run' + i)]) {
        probe.style.color = 'var(--' + name + ')';
        all.push([name, ratio(getComputedStyle(probe).color, card)]);
      }
      probe.remove();
      return all;
    })()''')
    for name, ratio in ratios:
        check(ratio >= (4.5 if not name.startswith('run') else 3), what, name, 'has a contrast of %.2f' % ratio)


def shows(monitor):
    with Browser() as page:
        a_finished_run(page, monitor.url)
        several_runs(page, monitor.url)
        a_run_that_grows(page, monitor.url)
        many_points(page, monitor.url)
        axes(page, monitor.url)
        keys(page, monitor.url)
        contrast(page, 'light')
        page.dark()
        contrast(page, 'dark')
        check(not page.complaints(), 'the browser complains:', page.complaints())
        strangers = [u for u in page.requests() if not u.startswith((monitor.url, 'about:', 'data:'))]
        check(not strangers, 'it asked elsewhere:', strangers)
        monitor.end(signal.SIGINT)
        page.wait('document.getElementById("status").textContent.includes("does not answer")')


def main():
    make_store('train', 240, 1)
    make_store('val', 90, 2)
    train('--val', 'val', '--workers', '3', '--averaging-frequency', '2', '--epochs', '4', '--batch', '8', '--run', 'three')
    train('--epochs', '2', '--batch', '8', '--run', 'one')
    os.mkdir('live')
    monitor = Monitor('three', 'one', 'live')
    try:
        shows(monitor)
    finally:
        monitor.process.kill()
        monitor.process.wait()
    Monitor('one').end(signal.SIGTERM)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    try:
        main()
    except FileNotFoundError as e:
        if 'Chromium' not in str(e):
            raise
        print('skipped: there is no Chromium (Debian package chromium), in which the page would be looked at')
        os.chdir('/')
        sys.exit(77)
    finally:
        os.chdir('/')
sys.exit(1 if failures else 0)
