# SPDX-License-Identifier: Apache-2.0
# Recorded training through Python: scores, gradients, updates and parameters of five steps, whole epochs, slopes of activations, dropout.
import io
import json
import re
import zipfile

import numpy as np

import dl4c

NEAR, SCORE = 1e-5, 1e-6
MARGIN, MOVED = 4, 6  # as tests/golden/steps_case.c, where the reasons are


def packed(config):
    """A model of a configuration alone, whose parameters are drawn."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, 'w') as z:
        z.writestr('configuration.json', config)
        z.writestr('coefficients.bin', '')
        z.writestr('noParams.marker', '')
    return data.getvalue()


def answer(graph, x):
    """The output of rows whose shape the graph may leave open."""
    with dl4c.Session(graph, batch=len(x), input_shapes=[x.shape[1:]]) as s:
        return np.array(s.run(x))


class Run:
    """One training: all that Python can see of it."""

    def __init__(self, data, table, x, y, n, updater):
        graph = dl4c.Graph.from_bytes(data)
        with dl4c.Trainer(graph, batch=len(x), keep_gradient=True, updater=updater) as t:
            self.inference = t.score(x, y)
            self.rows = np.array([t.score(x[i:i + 1], y[i:i + 1]) for i in range(len(x))])
            self.before = table.flat(graph).astype('f8')
            self.scores, self.params, self.state, self.raw = [], {}, {}, None
            for i in range(1, n + 1):
                self.scores.append(t.step(x, y))
                if i == 1:
                    self.raw = table.whole(t.gradient)
                if i in (1, n):
                    self.params[i] = table.flat(graph).astype('f8')
                    self.state[i] = t.updater_state.astype('f8')
            self.iteration = t.iteration
        self.out = answer(graph, x).astype('f8') if n else None


def moved_model(data, params, seed):
    """The same model with every parameter moved by one to four units in the last place: the tail of coefficients.bin, big-endian."""
    rng, data_of = np.random.default_rng(seed), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(data_of, 'w') as new:
        for name in old.namelist():
            content = old.read(name)
            if name == 'coefficients.bin':
                tail = params.astype('>f4').tobytes()
                if not content.endswith(tail):
                    raise AssertionError('coefficients.bin does not end with the parameters')
                content = content[:len(content) - len(tail)] + nudged(params, rng).astype('>f4').tobytes()
            new.writestr(name, content)
    return data_of.getvalue()


def nudged(values, rng):
    found = values.astype('f4')
    count, to = rng.integers(1, 5, found.shape), np.where(rng.integers(0, 2, found.shape), np.inf, -np.inf).astype('f4')
    for k in range(4):
        found = np.where(count > k, np.nextafter(found, to), found)
    return found


def ramp(case, config):
    """The reference's JSON of a RampSchedule has none of its fields: the values show them."""
    text = json.dumps(config)
    if 'RampSchedule' not in text:
        return None
    values = [float(line.split('\t')[1]) for line in case.text('values.tsv').splitlines()[1:]]
    case.open.add('values.tsv')
    updater = config['confs'][0]['layer']['iupdater']
    name = updater['@class'].rpartition('.')[2].lower()
    return '%s:lr_schedule=ramp(n=%d,value=%r)%s' % (name, values.index(values[-1]) + 1, values[-1],
                                            ',momentum=%r' % updater['momentum'] if 'momentum' in updater else '')


def steps(case, data, config, table, x, y, updater):
    meta, text = case.meta(), json.dumps(config)
    wanted = meta.get('score_at_step', [])
    n = len(wanted)
    run = Run(data, table, x, y, n, updater)
    largest = max([abs(meta['score_inference'])] + [abs(s) for s in wanted])
    case.number('score_inference', run.inference, meta['score_inference'], largest)
    examples(case, run, meta, text, y)
    if not n:
        return
    case.number('score_train_0', run.scores[0], meta['score_train_0'], largest)
    case.equal('the iteration is', run.iteration, meta['iterationCount_after5'])
    try:
        compare(case, run, [], table, wanted, largest, n)
    except AssertionError:
        rng = np.random.default_rng(1)
        params = table.flat(dl4c.Graph.from_bytes(data))
        moved = [Run(moved_model(data, params, k), table, nudged(x, rng), y, n, updater) for k in range(MOVED)]
        compare(case, run, moved, table, wanted, largest, n)


def compare(case, run, moved, table, wanted, largest, n):
    """moved: the same with the last bits moved. What that changes is what rounding alone makes of a quantity."""
    margins = np.full(len(table.rows), float(MARGIN))
    recorded = case.array('gradient_raw_0.npy').astype('f8').ravel() if case.has('gradient_raw_0.npy') else run.raw
    for i, (_, _, _, at, size) in enumerate(table.rows if moved else []):
        part = slice(at, at + size)
        most = max(np.abs(m.raw[part] - run.raw[part]).max() for m in moved)
        off = np.abs(recorded[part] - run.raw[part]).max()
        margins[i] = MARGIN * off / most if most > 0 and off > most else MARGIN
    for i, (got, want) in enumerate(zip(run.scores, wanted)):
        more = MARGIN * max((abs(m.scores[i] - got) for m in moved), default=0.0)
        case.number('the score of step %d' % (i + 1), got, want, largest, SCORE + more / (largest or 1.0))
    case.near('gradient_raw_0.npy', run.raw, NEAR, table.spread(run.raw, [m.raw for m in moved], margins))
    update(case, run, moved, table, margins)
    for k in (1, n):
        case.near('params_%d.npy' % k, run.params[k], NEAR, table.spread(run.params[k], [m.params[k] for m in moved], margins))
        if case.has('updater_%d.npy' % k):
            more = MARGIN * np.max([np.abs(m.state[k] - run.state[k]) for m in moved], axis=0) if moved else 0.0
            case.near('updater_%d.npy' % k, run.state[k], NEAR, more)
    more = MARGIN * max((np.abs(m.out - run.out).max() for m in moved), default=0.0)
    case.near('output_after5.npy', run.out, NEAR, more)


def update(case, run, moved, table, margins):
    """What the first step took off, as the difference of parameters: they are rounded, half an ulp of the largest each."""
    want = case.array('update_1.npy').astype('f8')
    recorded = case.array('params_0.npy').astype('f8') - case.array('params_1.npy').astype('f8')
    scale, ulp = np.abs(want).max() or 1.0, np.abs(run.before).max() * 2.0 ** -23
    if np.abs(recorded - want).max() > NEAR * scale + ulp:
        case.open.add('update_1.npy')
        case.leave('update_1.npy', 'a step without its constraints (or of what is no gradient) cannot be asked for, in C neither')
        return
    got = run.before - run.params[1]
    more = table.spread(got, [m.before - m.params[1] for m in moved], margins)
    case.near('update_1.npy', got, NEAR + ulp / scale, more)


def examples(case, run, meta, text, y):
    """Scores of single rows: each has the whole penalty of regularisation in it, which is the recorded score without the rows' mean."""
    if not case.has('score_examples_noreg.npy'):
        return
    want = case.array('score_examples_noreg.npy').astype('f8').ravel()
    if 'LossMAE' in text:
        want = want / y.shape[1]  # the reference divides the minibatch's score by the outputs, and a row's not
    mean = want.sum() if re.search('"miniBatch": false', text) else want.mean()
    got = run.rows - (meta['score_inference'] - mean)
    scale = max(np.abs(want).max(), abs(meta['score_inference']))
    if not (np.abs(got - want) <= 2 * SCORE * scale).all():
        raise AssertionError('score_examples_noreg.npy: off by %.3g of the largest' % (np.abs(got - want).max() / scale))


def epochs(case, graph, x, labels):
    meta, last = case.meta(), []

    class Keep(dl4c.Listener):
        def iteration_done(self, iteration, epoch, score):
            last[:] = [score]
    graph.fit((x, labels), epochs=meta['epochs'], batch=meta['batch'], shuffle=False, listeners=[Keep()])
    after = dl4c.load(case.path('model_after.zip'))
    end = 'after_%depochs_batch%d.npy' % (meta['epochs'], meta['batch'])

    def flat(g):
        return np.concatenate([g.param(v.name, p).numpy().ravel('F') for v in g.vertices for p in v.params])
    for one, tolerance in ((graph, NEAR), (after, 0)):
        case.near('params_' + end, flat(one), tolerance)
        with dl4c.Trainer(one) as t:
            case.near('updater_' + end, t.updater_state, tolerance)
            case.equal('the iteration is', t.iteration, meta['iterationCount'])
    case.number('the last score', last[0], meta['score'], meta['score'])


def curves(case, config):
    """f and its slope at every x: the activation of the case between two identities, under a loss whose own slope is 1."""
    x = case.array('curve_x.npy').astype('f4').reshape(1, -1)
    n, config = x.shape[1], json.loads(json.dumps(config))
    first, last = config['confs'][0]['layer'], config['confs'][-1]['layer']
    config['confs'] = [config['confs'][0], config['confs'][-1]]
    first['nin'] = first['nout'] = last['nin'] = last['nout'] = n
    last['activationFn'] = {'@class': 'org.nd4j.linalg.activations.impl.ActivationIdentity'}
    last['lossFn'] = {'@class': 'org.nd4j.linalg.lossfunctions.impl.LossL1'}
    graph = dl4c.Graph.from_bytes(packed(json.dumps(config)))
    b = graph.builder()
    for v in graph.vertices[1:]:
        b.param(v.name, 'W', np.eye(n, dtype='f4')).param(v.name, 'b', np.zeros(n, 'f4'))
    graph = b.finish()
    f = np.array(graph.run(x, outputs=graph.vertices[1].name))
    case.near('curve_f.npy', f)
    if case.has('curve_df.npy'):
        with dl4c.Trainer(graph, batch=1, keep_gradient=True, updater='noop') as t:
            t.step(x, np.full((1, n), -1e4, 'f4'))
            slope = t.gradient[n * n:n * n + n]
        # Of softmax this is y (1 - the sum of y): of the sum's rounding alone, up to n units in the last place.
        softmax = first['activationFn']['@class'].endswith('ActivationSoftmax')
        case.near('curve_df.npy', slope, NEAR, f.ravel() * n * np.finfo('f4').eps if softmax else 0.0)


def dropout(case):
    """Random numbers differ, their statistics agree: the gradient of one weight each is what dropout lets through."""
    said = re.match(r'Dropout\((.*)\) on ones\[200,50\]: mean=(.*) max=(.*) fraction_nonzero=(.*)', case.text('stats.txt'))
    p, mean, most, fraction = map(float, said.groups())
    graph = dl4c.Builder().input('x', [50]).add('output:units=1,activation=identity,loss=l1,dropout=%r' % p, 'y', 'x').finish()
    rows, x, y = [], np.ones((1, 50), 'f4'), np.full((1, 1), -1e4, 'f4')
    with dl4c.Trainer(graph, batch=1, keep_gradient=True, updater='sgd:lr=1e-30') as t:
        for _ in range(200):
            t.step(x, y)
            rows.append(t.gradient[:50].copy())
    kept = np.array(rows)
    case.number('the greatest value', kept.max(), most, most, 1e-7)
    spread = 4 * np.sqrt(2 * p * (1 - p) / kept.size)  # four standard deviations of two such means from each other
    case.number('the share that is kept', (kept > 0).mean(), fraction, 1, spread)
    case.number('the mean', kept.mean(), mean, 1, spread / p)


# ---- transfer learning, done again by the builder from the network that it began with, as tests/golden/transfer_case.c has it


def replace_output(b):
    b.fine_tune('updater=nesterovs(lr=0.03,momentum=0.9),l2=5e-4').freeze('fc1').remove('out', keep_connections=True)
    b.add('output:units=7,activation=softmax,loss=negative_log_likelihood,weight_init=xavier', 'out', 'fc2')


def other_n_out(b):
    b.fine_tune('updater=adam(lr=3e-3),dropout=1').freeze('p1').remove('fc2', keep_connections=True)
    b.add('dense:units=9,activation=relu,weight_init=xavier', 'fc2', 'fc1').remove('out', keep_connections=True)
    b.add('output:units=4,activation=softmax,loss=mcxent,weight_init=xavier,l2=1e-3,updater=nesterovs(lr=0.05,momentum=0.9)', 'out', 'fc2')


def other_layers(b):
    b.fine_tune('updater=sgd(lr=0.03),activation=tanh').freeze('c2').remove('out').remove('fc2')
    b.add('dense:units=11,weight_init=xavier', 'nfc2', 'fc1')
    b.add('output:units=6,activation=softmax,loss=mcxent,weight_init=xavier', 'nout', 'nfc2').outputs('nout')


RECIPES = {'b_transfer_replaceout_frozen_fc1': (replace_output, ['out']), 'b_transfer_noutreplace_fc2': (other_n_out, ['fc2', 'out']),
           'b_transfer_removeandconnect': (other_layers, ['nfc2', 'nout'])}


def transferred(case, graph, source):
    """The model of the case made from its source: with the source's parameters where nothing is new, then with the recorded ones, as the
    recorder moved all of them afterwards. None: no such recipe."""
    edit, fresh = RECIPES.get(case.name, (None, ()))
    if edit is None:
        return None
    b = source.builder()
    edit(b)
    made = b.finish()
    case.equal('the transfer makes', made.summary(), graph.summary())
    b = made.builder()
    for v in made.vertices:
        for p in v.params:
            kept = v.name in [s.name for s in source.vertices] and made.param(v.name, p).address == source.param(v.name, p).address
            case.equal('%s of the source is kept:' % v.name, kept, v.name not in fresh)
            b.param(v.name, p, graph.param(v.name, p))
    return b.finish()
