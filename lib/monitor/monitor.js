/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for what is new of the runs, and draws it. Text of others only ever becomes text: nothing is parsed as HTML. */
'use strict';

/* ---- what is looked at, and how -------------------------------------------------------------------------------- */

const SMOOTHING = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999];
const COLOURS = 8, DASHES = ['', '7 3', '2 3', '9 3 2 3'];
const FAILURES = ['diverged', 'cancelled', 'timeout', 'failed'], ORDINARY = ['start', 'end', 'checkpoint', 'kernels', 'worker_joined'];
const ASK_MS = 1000, ASK_ENDED_MS = 5000, ASK_HIDDEN_MS = 15000, SILENT_S = 60;
const view = { smoothing: 5, x: 'iteration', workers: 'spread', raw: true, log: false, hidden: new Set() };
const runs = [];
let since = '', paused = false, failures = 0, answered = 0, timer = 0, clock = 0, cross = null;
const $ = (id) => document.getElementById(id);

function element(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {}))
    if (key === 'class') e.className = value; else e.setAttribute(key, value);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

function shape(name, attributes, text) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

/* The view is kept in the address, so that a reload or a link shows the same. */
function readView() {
  const o = new URLSearchParams(location.hash.slice(1));
  const at = SMOOTHING.indexOf(Number(o.get('smoothing')));
  if (o.has('smoothing') && at >= 0) view.smoothing = at;
  if (o.get('x') === 'time') view.x = 'time';
  if (['lines', 'none'].includes(o.get('workers'))) view.workers = o.get('workers');
  view.raw = o.get('raw') !== '0';
  view.log = o.get('log') === '1';
  for (const i of (o.get('hidden') || '').split(',')) if (/^\d+$/.test(i)) view.hidden.add(Number(i));
}

function keepView() {
  const o = new URLSearchParams();
  if (view.smoothing !== 5) o.set('smoothing', SMOOTHING[view.smoothing]);
  if (view.x !== 'iteration') o.set('x', view.x);
  if (view.workers !== 'spread') o.set('workers', view.workers);
  if (!view.raw) o.set('raw', '0');
  if (view.log) o.set('log', '1');
  if (view.hidden.size) o.set('hidden', [...view.hidden].sort((a, b) => a - b).join(','));
  history.replaceState(null, '', '#' + o);
}

/* ---- numbers as text ------------------------------------------------------------------------------------------- */

const known = (v) => v !== null && v !== undefined && Number.isFinite(v);
function short(v, digits = 4) {
  if (!known(v)) return '–';
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return v.toExponential(digits - 2);
  return String(Number(v.toPrecision(digits)));
}
const percent = (v) => (known(v) ? (100 * v).toFixed(1) + ' %' : '–');
const whole = (v) => (known(v) ? Math.round(v).toLocaleString('en') : '–');
function duration(s) {
  if (!known(s) || s < 0) return '–';
  if (s < 60) return s.toFixed(s < 10 ? 1 : 0) + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' min ' + Math.round(s % 60) + ' s';
  return Math.floor(s / 3600) + ' h ' + Math.round(s % 3600 / 60) + ' min';
}
const clockTime = (s) => (known(s) ? new Date(1000 * s).toLocaleString('sv') : '–');

/* ---- runs as the server tells of them --------------------------------------------------------------------------- */

/* Replaces what a list has from `from` on. A list that was not there before has nothing up to it. */
function splice(list, from, more) {
  list.length = Math.min(list.length, from);
  while (list.length < from) list.push(null);
  for (const v of more) list.push(v);
  return list;
}

function takeScores(s, told) {
  const columns = (old, now) => now && now.map((c, i) => splice((old || [])[i] || [], told.from, c));
  s.base = told.base;
  s.width = told.width;
  s.n = told.n;
  s.time = splice(s.time || [], told.from, told.time);
  s.rate = splice(s.rate || [], told.from, told.rate);
  s.mean = columns(s.mean, told.mean);
  s.low = columns(s.low, told.low) || s.mean;
  s.high = columns(s.high, told.high) || s.mean;
  s.stale = true;
}

const EPOCH_KEYS = ['time', 'train_score', 'train_accuracy', 'val_score', 'val_accuracy', 'seconds', 'examples', 'iteration'];
function takeEpochs(e, told) {
  e.base = told.base;
  e.width = told.width;
  e.n = told.n;
  for (const key of EPOCH_KEYS) e[key] = splice(e[key] || [], told.from, told[key]);
}

function take(answer) {
  since = answer.now;
  clock = answer.clock;
  let changed = false;
  answer.runs.forEach((told, i) => {
    if (answer.whole || !runs[i]) runs[i] = { index: i, scores: {}, epochs: {}, events: [], about: null, labels: null };
    const run = runs[i];
    changed = changed || answer.whole || told.scores.from < told.scores.n || told.scores.n !== run.scores.n || told.about !== undefined ||
      told.epochs.from < told.epochs.n || told.events.list.length > 0 || told.labels !== undefined;
    for (const key of ['dir', 'ended', 'more', 'read', 'newest', 'workers', 'iteration', 'notes']) run[key] = told[key];
    if (told.about !== undefined) run.about = told.about;
    if (told.labels !== undefined) run.labels = told.labels;
    if (answer.whole || told.scores.from < told.scores.n || told.scores.n !== run.scores.n) takeScores(run.scores, told.scores);
    takeEpochs(run.epochs, told.epochs);
    splice(run.events, told.events.from, told.events.list);
  });
  runs.length = answer.runs.length;
  nameRuns();
  return changed;
}

/* As much of the ends of their directories as tells them apart. */
function nameRuns() {
  const parts = runs.map((r) => r.dir.replace(/\/+$/, '').split('/'));
  runs.forEach((run, i) => {
    for (let n = 1; ; n++) {
      run.name = parts[i].slice(-n).join('/') || run.dir;
      if (n >= parts[i].length || parts.every((p, k) => k === i || p.slice(-n).join('/') !== run.name)) break;
    }
  });
}

const began = (run) => {
  const times = [run.about && run.about.time, run.events[0] && run.events[0].time, run.scores.time && run.scores.time.find(known)];
  return Math.min(...times.filter(known));
};

/* ---- curves ---------------------------------------------------------------------------------------------------- */

/* An exponential mean without the bias of its beginning. The factor is for one iteration, whatever a point stands for. */
function smooth(values, factor, width) {
  const keep = Math.pow(factor, width), out = new Array(values.length);
  let sum = 0, weight = 0;
  for (let i = 0; i < values.length; i++) {
    if (known(values[i])) {
      sum = keep * sum + (1 - keep) * values[i];
      weight = keep * weight + (1 - keep);
    }
    out[i] = known(values[i]) ? sum / weight : null;
  }
  return out;
}

function over(columns, fn) {
  const n = columns.length ? columns[0].length : 0, out = new Array(n);
  for (let i = 0; i < n; i++) {
    let v = null;
    for (const c of columns) if (known(c[i])) v = v === null ? c[i] : fn(v, c[i]);
    out[i] = v;
  }
  return out;
}

function meanOver(columns) {
  const n = columns.length ? columns[0].length : 0, out = new Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0, count = 0;
    for (const c of columns) if (known(c[i])) { sum += c[i]; count++; }
    out[i] = count ? sum / count : null;
  }
  return out;
}

/* What is drawn of a run's scores, made anew when they or the smoothing changed. */
function curves(run) {
  const s = run.scores, factor = SMOOTHING[view.smoothing];
  if (!s.n) return null;
  if (s.made && !s.stale && s.made.factor === factor) return s.made;
  const x = Array.from({ length: s.n }, (_, i) => s.base + i * s.width + (s.width - 1) / 2);
  const raw = meanOver(s.mean), workers = s.mean.map((c) => smooth(c, factor, s.width));
  s.stale = false;
  s.made = {
    factor, x, raw, workers, smooth: smooth(raw, factor, s.width),
    low: over(s.low, Math.min), high: over(s.high, Math.max),
    spreadLow: over(workers, Math.min), spreadHigh: over(workers, Math.max),
    rate: s.rate, smoothRate: smooth(s.rate, factor, s.width),
  };
  return s.made;
}

const sinceStart = (run, times) => { const t0 = began(run); return times.map((t) => (known(t) ? t - t0 : null)); };

function scoreLayers(run) {
  const c = curves(run);
  if (!c) return [];
  const x = view.x === 'time' ? sinceStart(run, run.scores.time) : c.x, many = c.workers.length > 1, layers = [];
  if (view.raw && run.scores.width > 1) layers.push({ kind: 'envelope', x, low: c.low, high: c.high });
  if (view.raw) layers.push({ kind: 'raw', name: 'raw', x, y: c.raw });
  if (many && view.workers === 'spread') layers.push({ kind: 'spread', name: 'workers', x, low: c.spreadLow, high: c.spreadHigh });
  if (many && view.workers === 'lines') c.workers.forEach((y, i) => layers.push({ kind: 'worker', name: 'worker ' + i, worker: i, x, y }));
  layers.push({ kind: 'smooth', name: 'smoothed', x, y: c.smooth });
  return layers;
}

function rateLayers(run) {
  const c = curves(run);
  if (!c) return [];
  const x = view.x === 'time' ? sinceStart(run, run.scores.time) : c.x;
  const raw = view.raw ? [{ kind: 'raw', name: 'raw', x, y: c.rate }] : [];
  return [...raw, { kind: 'smooth', name: 'smoothed', x, y: c.smoothRate }];
}

function epochLayers(run, train, validation) {
  const e = run.epochs;
  if (!e.n) return [];
  const x = view.x === 'time' ? sinceStart(run, e.time) : Array.from({ length: e.n }, (_, i) => e.base + i * e.width + (e.width - 1) / 2);
  return [{ kind: 'training', name: 'training', x, y: e[train], dots: true },
          { kind: 'validation', name: 'validation', x, y: e[validation], dots: true }].filter((l) => l.y.some(known));
}

/* ---- axes ------------------------------------------------------------------------------------------------------ */

function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1), power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999) || 10 * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
    for (const m of [1, 2, 5]) {
      const v = Number((m * Math.pow(10, p)).toPrecision(3));
      if (v >= low * 0.999 && v <= high * 1.001 && (m === 1 || high / low < 100)) ticks.push(v);
    }
  return ticks;
}

function makeScale(low, high, from, to, log) {
  const f = log ? Math.log10 : (v) => v, a = f(low), b = f(high), k = (to - from) / (b - a || 1);
  const scale = (v) => from + (f(v) - a) * k;
  Object.assign(scale, { low, high, log, invert: (p) => (log ? Math.pow(10, a + (p - from) / k) : a + (p - from) / k) });
  return scale;
}

/* Ends of an axis that shows all values, with some air; a single value gets some around it. */
function extent(values, options) {
  let low = Infinity, high = -Infinity;
  for (const list of values)
    for (const v of list)
      if (known(v) && (!options.log || v > 0)) { if (v < low) low = v; if (v > high) high = v; }
  if (low > high) return null;
  if (options.zero) low = Math.min(low, 0);
  if (options.log) return low === high ? [low / 2, high * 2] : [low / Math.pow(high / low, 0.04), high * Math.pow(high / low, 0.04)];
  const air = options.tight ? 0 : (high - low) * 0.05, around = low === high ? Math.abs(low) * 0.1 || 1 : air;
  const ends = [low >= 0 && !options.tight ? Math.max(low - around, 0) : low - around, high + around];
  return options.most === undefined ? ends : [ends[0], Math.min(ends[1], options.most)];
}

const TIME_UNITS = [[1, 's'], [60, 'min'], [3600, 'h']];
function xAxis(kind, high) {
  if (view.x !== 'time') return { label: kind, unit: 1 };
  const [unit, name] = high > 7200 ? TIME_UNITS[2] : high > 180 ? TIME_UNITS[1] : TIME_UNITS[0];
  return { label: 'time since the run began [' + name + ']', unit };
}
const tickText = (v) => (Math.abs(v) >= 1e6 ? short(v / 1e6) + ' M' : Math.abs(v) >= 1e4 ? v.toLocaleString('en') : short(v, 6));

/* ---- paths ----------------------------------------------------------------------------------------------------- */

/* Of many points over one pixel the first, the least, the greatest and the last, in their order. */
function thin(x, y, sx, pixels) {
  const n = x.length, kept = [];
  if (n <= 4 * pixels) {
    for (let i = 0; i < n; i++) kept.push(i);
    return kept;
  }
  let i = 0;
  while (i < n) {
    if (!known(x[i]) || !known(y[i])) { kept.push(i++); continue; }
    const column = Math.floor(sx(x[i]));
    let low = i, high = i, last = i, k = i;
    for (; k < n && known(x[k]) && known(y[k]) && Math.floor(sx(x[k])) === column; k++) {
      if (y[k] < y[low]) low = k;
      if (y[k] > y[high]) high = k;
      last = k;
    }
    for (const at of [...new Set([i, low, high, last])].sort((a, b) => a - b)) kept.push(at);
    i = k;
  }
  return kept;
}

function linePath(layer, sx, sy, pixels) {
  let d = '', open = false;
  for (const i of thin(layer.x, layer.y, sx, pixels)) {
    const good = known(layer.x[i]) && known(layer.y[i]) && (!sy.log || layer.y[i] > 0);
    if (good) d += (open ? 'L' : 'M') + sx(layer.x[i]).toFixed(2) + ' ' + sy(layer.y[i]).toFixed(2);
    open = good;
  }
  return d;
}

/* There along the upper edge and back along the lower. */
function bandPath(layer, sx, sy, pixels) {
  const floor = sy.log ? sy.low : -Infinity, step = Math.max(1, Math.floor(layer.x.length / (2 * pixels)));
  let d = '', top = [], bottom = [];
  const close = () => { if (top.length) d += 'M' + top.join('L') + 'L' + bottom.reverse().join('L') + 'Z'; top = []; bottom = []; };
  for (let i = 0; i < layer.x.length; i += step) {
    let low = null, high = null;
    for (let k = i; k < Math.min(i + step, layer.x.length); k++)
      if (known(layer.low[k]) && known(layer.high[k])) {
        low = low === null ? layer.low[k] : Math.min(low, layer.low[k]);
        high = high === null ? layer.high[k] : Math.max(high, layer.high[k]);
      }
    if (low === null || !known(layer.x[i]) || high < floor) { close(); continue; }
    const x = sx(layer.x[i]).toFixed(2);
    top.push(x + ' ' + sy(high).toFixed(2));
    bottom.push(x + ' ' + sy(Math.max(low, floor)).toFixed(2));
  }
  close();
  return d;
}

/* ---- charts ---------------------------------------------------------------------------------------------------- */

const LEFT = 58, RIGHT = 12, TOP = 8, BOTTOM = 38;
const dashOf = (run) => DASHES[Math.floor(run.index / COLOURS) % DASHES.length];
const colourOf = (run) => 'var(--run' + run.index % COLOURS + ')';

/* What of a layer lies between two places, with one point more at each side, so that lines go on to the edge. */
function part(layer, low, high) {
  let first = 0, last = layer.x.length - 1;
  while (first < last && !(layer.x[first + 1] >= low)) first++;
  while (last > first && !(layer.x[last - 1] <= high)) last--;
  const cut = { ...layer };
  for (const key of ['x', 'y', 'low', 'high']) if (layer[key]) cut[key] = layer[key].slice(first, last + 1);
  return cut;
}

class Chart {
  constructor(id, spec) {
    this.spec = spec;
    this.zoom = null;
    this.id = id;
    this.figure = $(id);
    this.svg = shape('svg', { role: 'img', tabindex: '0', height: spec.height });
    this.key = element('span', { class: 'key' });
    this.back = element('button', { type: 'button', class: 'back', hidden: '' }, 'Show all');
    this.back.addEventListener('click', () => { this.svg.focus(); this.zoomTo(null); });
    this.figure.append(element('figcaption', {}, element('h2', {}, spec.title), this.key, this.back), this.svg);
    this.svg.addEventListener('pointerdown', (e) => this.grab(e));
    this.svg.addEventListener('pointerup', (e) => this.release(e));
    this.svg.addEventListener('dblclick', () => this.zoomTo(null));
    this.svg.addEventListener('pointermove', (e) => this.point(e));
    this.svg.addEventListener('pointerleave', () => this.leave());
    this.svg.addEventListener('blur', () => this.leave());
    this.svg.addEventListener('keydown', (e) => this.press(e));
  }

  draw() {
    const { spec, svg } = this, width = Math.max(this.figure.clientWidth - 28, 200), height = spec.height;
    const shown = runs.filter((r) => !view.hidden.has(r.index));
    const parts = (layers) => (this.zoom ? layers.map((l) => part(l, ...this.zoom)).filter((l) => l.x.some(known)) : layers);
    this.drawn = shown.map((run) => ({ run, layers: parts(spec.layers(run)) })).filter((d) => d.layers.length);
    const all = this.drawn.flatMap((d) => d.layers), log = spec.log && view.log;
    const xs = this.zoom || extent(all.map((l) => l.x), { tight: true });
    this.back.hidden = !this.zoom;
    const ys = extent(all.flatMap((l) => (l.y ? [l.y] : [l.low, l.high])), { log, zero: spec.zero, most: spec.most });
    this.key.textContent = spec.key(all);
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
    svg.replaceChildren();
    if (!xs || !ys) {
      this.scales = null;
      svg.append(shape('text', { x: width / 2, y: height / 2, 'text-anchor': 'middle', class: 'nothing' }, spec.nothing));
      svg.setAttribute('aria-label', spec.title + ': ' + spec.nothing);
      return;
    }
    const sx = makeScale(xs[0], xs[1] > xs[0] ? xs[1] : xs[0] + 1, LEFT, width - RIGHT);
    const sy = makeScale(ys[0], ys[1], height - BOTTOM, TOP, log);
    this.scales = { sx, sy, width, height };
    /* So that a script can turn what is drawn into values again. */
    Object.assign(svg.dataset, { x0: sx.low, x1: sx.high, y0: sy.low, y1: sy.high, log: log ? 1 : 0,
                                 left: LEFT, right: width - RIGHT, top: TOP, bottom: height - BOTTOM });
    this.axes(sx, sy, width, height);
    this.area = shape('g', { 'clip-path': 'url(#inside-' + this.id + ')' });
    const clip = shape('clipPath', { id: 'inside-' + this.id });
    clip.append(shape('rect', { x: LEFT - 4, y: 0, width: width - LEFT - RIGHT + 8, height: height - BOTTOM + 2 }));
    svg.append(clip, this.area);
    for (const d of this.drawn) this.paths(d, sx, sy, width);
    if (spec.events) this.events(shown, sx, height);
    this.over = shape('g', {});
    svg.append(this.over);
    svg.setAttribute('aria-label', spec.title + '. ' + this.drawn.map((d) => this.sentence(d, Infinity)).join(' '));
    if (cross && cross.chart === this) this.show(cross.x, null);
  }

  axes(sx, sy, width, height) {
    const { svg, spec } = this, x = xAxis(spec.x, sx.high), scale = spec.percent ? 100 : 1;
    const ys = sy.log ? logTicks(sy.low, sy.high) : linearTicks(sy.low * scale, sy.high * scale, height / 50).map((v) => v / scale);
    for (const v of ys) {
      const y = sy(v).toFixed(1);
      svg.append(shape('line', { x1: LEFT, x2: width - RIGHT, y1: y, y2: y, class: 'grid' }),
                 shape('text', { x: LEFT - 6, y: Number(y) + 4, 'text-anchor': 'end' }, tickText(Number((v * scale).toPrecision(12)))));
    }
    for (const t of linearTicks(sx.low / x.unit, sx.high / x.unit, width / 65)) {
      if (x.unit === 1 && view.x !== 'time' && t !== Math.floor(t)) continue; /* there is no half an iteration */
      const at = sx(t * x.unit).toFixed(1);
      svg.append(shape('line', { x1: at, x2: at, y1: height - BOTTOM, y2: height - BOTTOM + 4, class: 'axis' }),
                 shape('text', { x: at, y: height - BOTTOM + 16, 'text-anchor': 'middle' }, tickText(t)));
    }
    svg.append(shape('line', { x1: LEFT, x2: width - RIGHT, y1: height - BOTTOM, y2: height - BOTTOM, class: 'axis' }),
               shape('text', { x: (LEFT + width - RIGHT) / 2, y: height - 4, 'text-anchor': 'middle', class: 'label' }, x.label),
               shape('text', { transform: 'translate(12 ' + (TOP + height - BOTTOM) / 2 + ') rotate(-90)', 'text-anchor': 'middle',
                               class: 'label' }, spec.y));
  }

  paths({ run, layers }, sx, sy, width) {
    for (const layer of layers) {
      const band = !layer.y, d = band ? bandPath(layer, sx, sy, width) : linePath(layer, sx, sy, width);
      const path = shape('path', { d, class: layer.kind, 'data-run': run.name, 'data-points': layer.x.length });
      if (layer.worker !== undefined) path.dataset.worker = layer.worker;
      path.style[band ? 'fill' : 'stroke'] = colourOf(run);
      if (!band && dashOf(run) && layer.kind !== 'training') path.style.strokeDasharray = dashOf(run);
      this.area.append(path);
      if (layer.dots && layer.x.length <= 60)
        layer.x.forEach((x, i) => {
          if (!known(x) || !known(layer.y[i]) || (sy.log && layer.y[i] <= 0)) return;
          const dot = shape('circle', { cx: sx(x).toFixed(2), cy: sy(layer.y[i]).toFixed(2), r: layer.kind === 'validation' ? 3 : 2 });
          dot.style.fill = colourOf(run);
          this.area.append(dot);
        });
    }
  }

  /* What happened between beginning and end, as flags on top. */
  events(shown, sx, height) {
    for (const run of shown)
      for (const e of run.events) {
        const x = view.x === 'time' ? e.time - began(run) : e.iteration;
        if (ORDINARY.includes(e.kind) || !known(x) || x < sx.low || x > sx.high) continue;
        const at = sx(x).toFixed(1), flag = shape('path', { d: 'M' + at + ' ' + TOP + 'l9 4l-9 4Z', class: 'flag', 'data-event': e.kind });
        flag.append(shape('title', {}, run.name + ': ' + e.kind + ': ' + e.message));
        const line = shape('line', { x1: at, x2: at, y1: TOP, y2: height - BOTTOM, class: 'event' });
        flag.style.fill = line.style.stroke = colourOf(run);
        this.svg.append(line, flag);
      }
  }

  /* ---- reading values ---- */

  nearest(x, at) {
    let best = -1;
    for (let i = 0; i < x.length; i++) if (known(x[i]) && (best < 0 || Math.abs(x[i] - at) <= Math.abs(x[best] - at))) best = i;
    return best;
  }

  value(v) { return this.spec.percent ? percent(v) : short(v); }

  readings({ layers }, at) {
    return layers.filter((l) => l.name).map((l) => {
      const i = at === Infinity ? l.x.length - 1 : this.nearest(l.x, at);
      return { name: l.name, kind: l.kind, x: l.x[i], y: l.y ? l.y[i] : null,
               text: l.y ? this.value(l.y[i]) : this.value(l.low[i]) + ' to ' + this.value(l.high[i]) };
    });
  }

  sentence(d, at) {
    return d.run.name + ': ' + this.readings(d, at).map((r) => r.name + ' ' + r.text).join(', ') + '.';
  }

  xText(x) { return view.x === 'time' ? duration(x) : this.spec.x + ' ' + whole(x); }

  show(x, event) {
    const { sx, sy, height } = this.scales, at = sx(x).toFixed(1);
    cross = { chart: this, x };
    this.over.replaceChildren(shape('line', { x1: at, x2: at, y1: TOP, y2: height - BOTTOM, class: 'cross' }));
    const tip = $('tip');
    tip.replaceChildren(element('p', {}, element('b', {}, this.xText(x))));
    for (const d of this.drawn) {
      const rows = this.readings(d, x), p = element('p', { class: 'run' }, d.run.name);
      p.style.borderColor = colourOf(d.run);
      for (const r of rows.slice(0, 12)) {
        p.append(element('br'), r.name + ' ', element('b', {}, r.text));
        if (!known(r.y) || !known(r.x) || r.kind === 'raw' || (sy.log && r.y <= 0)) continue;
        const dot = shape('circle', { cx: sx(r.x), cy: sy(r.y), r: 4.5, class: 'at' });
        dot.style.fill = colourOf(d.run);
        this.over.append(dot);
      }
      if (rows.length > 12) p.append(element('br'), 'and ' + (rows.length - 12) + ' more');
      tip.append(p);
    }
    tip.hidden = false;
    const box = this.svg.getBoundingClientRect(), left = box.left + Number(at), own = tip.getBoundingClientRect();
    const top = event ? event.clientY : box.top + TOP;
    tip.style.left = (left + 16 + own.width > innerWidth ? Math.max(left - 16 - own.width, 4) : left + 16) + 'px';
    tip.style.top = Math.max(4, Math.min(top, innerHeight - own.height - 4)) + 'px';
  }

  /* The place of the pointer across. */
  place(event) {
    const box = this.svg.getBoundingClientRect();
    return this.scales.sx.invert(Math.min(Math.max(event.clientX - box.left, LEFT), this.scales.width - RIGHT));
  }

  /* Drawing a range shows it alone. */
  grab(event) {
    this.from = this.scales && event.button === 0 && event.pointerType !== 'touch' ? this.place(event) : null;
  }

  release(event) {
    if (this.from === null || this.from === undefined || !this.scales) return;
    const { sx } = this.scales, ends = [this.from, this.place(event)].sort((a, b) => a - b);
    this.from = null;
    if (sx(ends[1]) - sx(ends[0]) >= 8) this.zoomTo(ends);
  }

  zoomTo(ends) {
    this.zoom = ends;
    this.from = null;
    this.leave();
    this.draw();
  }

  /* Around the values that are read, else at the end. */
  zoomBy(factor) {
    const { sx } = this.scales, at = cross && cross.chart === this ? cross.x : sx.high, width = (sx.high - sx.low) * factor;
    const all = extent(runs.filter((r) => !view.hidden.has(r.index)).flatMap((r) => this.spec.layers(r)).map((l) => l.x), { tight: true });
    const low = Math.max(all[0], Math.min(at - width / 2, all[1] - width)), high = Math.min(all[1], low + width), kept = cross;
    this.zoomTo(low <= all[0] && high >= all[1] ? null : [low, high]);
    if (kept && kept.chart === this) this.show(kept.x, null);
  }

  point(event) {
    if (!this.scales) return;
    const at = this.place(event), { sx, height } = this.scales;
    if (this.from !== null && this.from !== undefined) {
      const [a, b] = [sx(this.from), sx(at)].sort((p, q) => p - q);
      this.over.replaceChildren(shape('rect', { x: a, y: TOP, width: b - a, height: height - BOTTOM - TOP, class: 'range' }));
      $('tip').hidden = true;
      return;
    }
    const x = this.drawn.flatMap((d) => d.layers.map((l) => l.x[this.nearest(l.x, at)])).filter(known)
      .reduce((a, b) => (Math.abs(b - at) < Math.abs(a - at) ? b : a), Infinity);
    if (known(x)) this.show(x, event);
  }

  leave() {
    if (this.over) this.over.replaceChildren();
    $('tip').hidden = true;
    cross = null;
  }

  press(event) {
    if (!this.scales || !['ArrowLeft', 'ArrowRight', 'Home', 'End', 'Escape', '+', '-'].includes(event.key)) return;
    event.preventDefault();
    if (event.key === 'Escape') { if (cross) this.leave(); else if (this.zoom) this.zoomTo(null); return; }
    if (event.key === '+' || event.key === '-') { this.zoomBy(event.key === '+' ? 0.5 : 2); return; }
    const xs = [...new Set(this.drawn.flatMap((d) => d.layers[d.layers.length - 1].x.filter(known)))].sort((a, b) => a - b);
    const step = Math.max(1, Math.floor(xs.length / 200));
    const here = cross && cross.chart === this ? this.nearest(xs, cross.x) : xs.length - 1;
    const to = { ArrowLeft: here - step, ArrowRight: here + step, Home: 0, End: xs.length - 1 }[event.key];
    const x = xs[Math.min(Math.max(to, 0), xs.length - 1)];
    this.show(x, null);
    $('spoken').textContent = this.xText(x) + '. ' + this.drawn.map((d) => this.sentence(d, x)).join(' ');
  }
}

const scoreKey = (layers) => [
  layers.some((l) => l.kind === 'smooth') ? 'bold: smoothed mean of the workers' : '',
  layers.some((l) => l.kind === 'raw') ? 'faint: raw' : '',
  layers.some((l) => l.kind === 'spread') ? 'band: from the lowest worker to the highest, smoothed' : '',
  layers.some((l) => l.kind === 'worker') ? 'thin: each worker, smoothed' : ''].filter(Boolean).join(' · ');
const epochKey = (layers) => [...new Set(layers.map((l) => (l.kind === 'validation' ? 'solid: validation' : 'dashed: training')))].reverse()
  .join(' · ');
const charts = [
  new Chart('score', { title: 'Score of minibatches', y: 'score (loss)', x: 'iteration', height: 360, log: true, events: true,
                       layers: scoreLayers, key: scoreKey, nothing: 'no score was recorded yet' }),
  new Chart('accuracy', { title: 'Accuracy', y: 'accuracy [%]', x: 'epoch', height: 250, percent: true, most: 1, key: epochKey,
                          layers: (r) => epochLayers(r, 'train_accuracy', 'val_accuracy'), nothing: 'no epoch has ended yet' }),
  new Chart('epochs', { title: 'Score of epochs', y: 'score (loss)', x: 'epoch', height: 250, log: true, key: epochKey,
                        layers: (r) => epochLayers(r, 'train_score', 'val_score'), nothing: 'no epoch has ended yet' }),
  new Chart('rate', { title: 'Rate, all workers', y: 'examples/s', x: 'iteration', height: 250, zero: true, layers: rateLayers,
                      key: (l) => (l.length ? 'bold: smoothed' : ''), nothing: 'no rate was recorded yet' }),
];

/* ---- tables and warnings --------------------------------------------------------------------------------------- */

const last = (list) => { for (let i = (list || []).length - 1; i >= 0; i--) if (known(list[i])) return list[i]; return null; };

function stateOf(run) {
  const end = [...run.events].reverse().find((e) => e.kind === 'end' || FAILURES.includes(e.kind));
  if (run.ended && end) return end.kind === 'end' ? ['done', 'done'] : [end.kind, 'failed'];
  if (run.more) return ['reading, ' + Math.round(100 * run.read) + ' %', 'quiet'];
  if (!known(run.newest)) return ['waiting for its record', 'quiet'];
  const age = clock - run.newest, patience = Math.max(SILENT_S, 2 * (last(run.epochs.seconds) || 0)); /* it may validate */
  return age < patience ? ['running', 'running'] : ['silent for ' + duration(age) + ': killed, or stuck?', 'quiet'];
}

function swatch(run) {
  const svg = shape('svg', { width: 24, height: 10, 'aria-hidden': 'true' });
  const line = shape('line', { x1: 1, x2: 23, y1: 5, y2: 5, 'stroke-width': 3 });
  line.style.stroke = colourOf(run);
  if (dashOf(run)) line.style.strokeDasharray = dashOf(run);
  svg.append(line);
  return svg;
}

function aboutList(run) {
  const a = run.about || {}, o = a.options || {}, t = a.train || {}, list = element('dl');
  const rows = [['directory', run.dir], ['command', a.command], ['began', clockTime(a.time)], ['updater', o.updater],
                ['batch', o.batch && o.batch + ' each'], ['workers', o.workers && o.workers > 1 ?
                  o.workers + ', averaged every ' + o.averaging_frequency + ' minibatches over ' + o.transport : o.workers],
                ['examples', t.rows && whole(t.rows) + ' of ' + t.classes + ' classes'], ['seed', a.seed],
                ['machine', [a.cpu, a.kernels, a.threads && a.threads + ' threads'].filter(Boolean).join(', ')]];
  for (const [key, value] of rows)
    if (value !== undefined && value !== null && value !== '') list.append(element('dt', {}, key), element('dd', {}, String(value)));
  return list;
}

function runRow(run, old) {
  const e = run.epochs, c = curves(run), [state, kind] = stateOf(run);
  const total = run.about && run.about.options && run.about.options.epochs;
  const box = element('input', { type: 'checkbox' });
  box.checked = !view.hidden.has(run.index);
  box.dataset.run = run.index;
  const details = element('details', {}, element('summary', {}, 'how it was begun'), aboutList(run));
  details.open = Boolean(old && old.querySelector('details[open]'));
  let best = -1;
  (e.val_accuracy || []).forEach((v, i) => { if (known(v) && (best < 0 || v > e.val_accuracy[best])) best = i; });
  const epoch = e.n ? e.base + (e.n - 1) * e.width : 0, before = (run.about && run.about.epochs_before) || 0;
  const cell = (text) => element('td', { class: 'n' }, text);
  return element('tr', { class: box.checked ? '' : 'off' },
    element('td', { class: 'name' }, element('label', {}, box, swatch(run), run.name), details), element('td', { class: kind }, state),
    cell(whole(epoch) + (total ? ' of ' + whole(before + total) : '')), cell(whole(run.iteration)), cell(short(c && last(c.smooth))),
    cell(percent(last(e.train_accuracy))), cell(percent(last(e.val_accuracy))),
    cell(best < 0 ? '–' : percent(e.val_accuracy[best]) + ', epoch ' + whole(e.base + best * e.width)),
    cell(whole(c && last(c.smoothRate))),
    cell(duration(known(run.newest) ? run.newest - began(run) : null)));
}

function showRuns() {
  const body = $('runs').tBodies[0], focused = document.activeElement && document.activeElement.dataset.run;
  const summary = body.contains(document.activeElement) && document.activeElement.tagName === 'SUMMARY' ?
    [...body.querySelectorAll('summary')].indexOf(document.activeElement) : -1;
  body.replaceChildren(...runs.map((run, i) => runRow(run, body.rows[i])));
  if (focused !== undefined) { const box = body.querySelector('input[data-run="' + Number(focused) + '"]'); if (box) box.focus(); }
  if (summary >= 0) body.querySelectorAll('summary')[summary].focus();
}

function showEvents() {
  /* Of checkpoints the newest is what matters. */
  const of = (run) => run.events.filter((e, i) => e.kind !== 'checkpoint' || !run.events.slice(i + 1).some((o) => o.kind === 'checkpoint'));
  const rows = runs.flatMap((run) => of(run).map((e) => ({ run, e }))).sort((a, b) => (b.e.time || 0) - (a.e.time || 0)).slice(0, 300);
  $('events').tBodies[0].replaceChildren(...rows.map(({ run, e }) => {
    const kind = FAILURES.includes(e.kind) ? 'failed' : ORDINARY.includes(e.kind) ? '' : 'mark';
    const count = (v) => element('td', { class: 'n' }, v === null ? '' : whole(v));
    return element('tr', {}, element('td', {}, clockTime(e.time)), element('td', {}, swatch(run), run.name),
                   element('td', { class: kind }, e.kind),
                   count(e.epoch), count(e.iteration), count(e.worker), element('td', {}, e.message));
  }));
}

function className(run, i) {
  const names = run.about && run.about.train && run.about.train.class_names;
  return names && names[i] !== undefined ? '“' + names[i] + '”' : 'class ' + i;
}

function labelWarnings(run) {
  const l = run.labels, out = [];
  if (l && l.differ) {
    const w = l.worst[0], table = element('table', {}, element('thead', {}, element('tr', {},
      ...['worker', 'label', 'share of its examples', 'share of all'].map((t) => element('th', { scope: 'col' }, t)))));
    const body = element('tbody');
    for (const x of l.worst)
      body.append(element('tr', {}, element('td', {}, String(x.worker)), element('td', {}, className(run, x.class)),
                          element('td', { class: 'n' }, percent(x.share)), element('td', { class: 'n' }, percent(x.all))));
    table.append(body);
    const more = element('details', {}, element('summary', {}, 'the labels that differ most'), table);
    out.push(['label-shares', 'the workers’ label shares differ',
      'In epoch ' + whole(l.epoch) + ', ' + percent(w.share) + ' of worker ' + w.worker + '’s examples were ' + className(run, w.class) +
      ', of all workers’ ' + percent(w.all) + ' (Cramér’s V ' + short(l.v, 2) + '; so it was in ' + l.differing + ' of ' + l.told +
      ' epochs). Scores of single workers cannot be compared then, and their mean is of models that each forget what the others see: ' +
      'shuffle the examples before they are shared out.', more]);
  }
  if (l && l.unmixed)
    out.push(['label-order', 'the examples come sorted by label',
      'In epoch ' + whole(l.epoch) + ' the labels of minibatches differed ' + short(l.dispersion, 2) + ' times as much as chance would ' +
      'make them (in ' + l.unmixing + ' of ' + l.told + ' epochs). The score then follows the order of the data as much as what is ' +
      'learnt: shuffle it.']);
  return out;
}

function showWarnings() {
  const box = $('warnings'), list = [];
  for (const run of runs) {
    for (const [kind, title, text, table] of labelWarnings(run))
      list.push(element('div', { class: 'warning', 'data-warning': kind }, element('strong', {}, run.name + ': ' + title),
                        element('p', {}, text), table));
    for (const note of run.notes.filter((n) => known(run.newest) || n !== 'run.json is not there'))
      list.push(element('div', { class: 'warning', 'data-warning': 'note' }, element('strong', {}, run.name + ': '), note));
  }
  const text = list.map((e) => e.textContent).join('\n');
  if (box.dataset.text === text) return; /* it would be read out again */
  box.dataset.text = text;
  box.replaceChildren(...list);
}

/* ---- asking and drawing ------------------------------------------------------------------------------------------ */

function showStatus() {
  const active = runs.filter((r) => stateOf(r)[1] === 'running').length, e = $('status');
  e.className = failures ? 'bad' : '';
  if (failures) e.textContent = 'The server does not answer: it has ended, or cannot be reached. Trying again.';
  else if (paused) e.textContent = 'Paused.';
  else e.textContent = runs.length + (runs.length === 1 ? ' run' : ' runs') + (active ? ', ' + active + ' running' : ', none running');
  document.title = (active ? '● ' : '') + 'dl4c monitor';
}

function drawAll() {
  for (const chart of charts) chart.draw();
  showRuns();
}

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawAll(); });
}

async function ask() {
  clearTimeout(timer);
  let wait = document.hidden ? ASK_HIDDEN_MS : ASK_MS;
  try {
    const answer = await fetch('data?since=' + encodeURIComponent(since), { cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.status);
    const changed = take(await answer.json());
    failures = 0;
    answered++;
    if (changed) { drawAll(); showEvents(); } else showRuns();
    showWarnings();
    if (runs.some((r) => r.more)) wait = 20;
    else if (runs.every((r) => r.ended)) wait = Math.max(wait, ASK_ENDED_MS);
  } catch (e) {
    failures++;
    wait = Math.min(1000 * failures, 10000);
  }
  showStatus();
  document.documentElement.dataset.answered = answered; /* how far it is, for scripts */
  if (!paused) timer = setTimeout(ask, wait);
}

function control(id, apply) {
  $(id).addEventListener('input', (e) => { apply(e.target); keepView(); showControls(); redraw(); });
}

function showControls() {
  $('smoothing').value = view.smoothing;
  $('smoothing').setAttribute('aria-valuetext', String(SMOOTHING[view.smoothing]));
  $('smoothing-value').textContent = SMOOTHING[view.smoothing];
  $('x').value = view.x;
  $('workers').value = view.workers;
  $('raw').checked = view.raw;
  $('log').checked = view.log;
}

readView();
showControls();
control('smoothing', (e) => { view.smoothing = Number(e.value); });
control('x', (e) => { view.x = e.value; for (const chart of charts) chart.zoom = null; });
control('workers', (e) => { view.workers = e.value; });
control('raw', (e) => { view.raw = e.checked; });
control('log', (e) => { view.log = e.checked; });
$('controls').addEventListener('submit', (e) => e.preventDefault());
$('pause').addEventListener('click', (e) => {
  paused = !paused;
  e.target.setAttribute('aria-pressed', String(paused));
  if (paused) clearTimeout(timer); else ask();
  showStatus();
});
$('runs').addEventListener('change', (e) => {
  const i = Number(e.target.dataset.run);
  if (e.target.checked) view.hidden.delete(i); else view.hidden.add(i);
  keepView();
  redraw();
});
document.addEventListener('visibilitychange', () => { if (!document.hidden && !paused) ask(); });
new ResizeObserver(redraw).observe($('charts'));
ask();
