# SPDX-License-Identifier: Apache-2.0
# What is compared of a recorded case, by its kind. A file that is looked at is not open any more, and `leave` says why one is not looked
# at; a case with open files fails.
import fnmatch
import io
import json
import os
import re
import zipfile

import numpy as np
from support import ROOT  # noqa: F401  (ends the program where there is no NumPy)

import dl4c
from golden_rows import evaluation, images, normalizers, splits
from golden_training import RECIPES, answer, curves, dropout, epochs, packed, ramp, steps, transferred

NEAR, SCORE = 1e-5, 1e-6  # activations, gradients and parameters; scores


class Case:
    """A folder: its files, which of them were looked at, what was left out and why."""

    def __init__(self, folder):
        self.folder, self.name = folder, os.path.basename(folder)
        self.files = sorted(os.path.relpath(os.path.join(at, f), folder) for at, _, names in os.walk(folder) for f in names)
        self.open, self.left, self.none = set(self.files), [], False

    def has(self, file):
        return file in self.files

    def path(self, file):
        self.open.discard(file)
        return os.path.join(self.folder, file)

    def seen(self, *files):
        self.open.difference_update(files)

    def leave(self, pattern, why):
        """Files of a pattern are left out for a reason; said only where there are any."""
        found = fnmatch.filter(sorted(self.open), pattern)
        if found:
            self.open.difference_update(found)
            self.left.append(('' if pattern == '*' else pattern + ': ') + why)
            self.none = pattern == '*'

    def array(self, file):
        return np.load(self.path(file))

    def text(self, file):
        with open(self.path(file), encoding='utf-8', newline='') as f:
            return f.read()

    def meta(self):
        return json.loads(self.text('meta.json'))

    def near(self, file, got, tolerance=NEAR, more=0.0):
        """Compares with a recorded array; more: what each element may be off beyond that."""
        want, got = self.array(file).astype('f8').ravel(), np.asarray(got, 'f8').ravel()
        self.equal(file + ' has', len(got), len(want), 'values')
        scale = np.abs(want).max(initial=0.0) or 1.0
        off = np.abs(got - want)
        if not (off <= tolerance * scale + more).all():
            raise AssertionError('%s: off by %.3g of the largest magnitude' % (file, np.nanmax(off) / scale))

    def same(self, file, got):
        """The text to the byte."""
        want = self.text(file)
        if want != got:
            raise AssertionError('%s: line %d differs' % (file, 1 + next((i for i, (a, b) in enumerate(
                zip(want.split('\n'), got.split('\n'))) if a != b), min(want.count('\n'), got.count('\n')))))

    @staticmethod
    def equal(what, got, want, unit=''):
        if got != want:
            raise AssertionError('%s %r %s, recorded %r' % (what, got, unit, want))

    @staticmethod
    def number(what, got, want, largest, tolerance=SCORE):
        if not abs(got - want) <= tolerance * (abs(largest) or 1.0):
            raise AssertionError('%s is %.17g, recorded %.17g' % (what, got, want))

    def close(self):
        if self.open:
            raise AssertionError('nobody looked at ' + ', '.join(sorted(self.open)))


class Table:
    """param_table.tsv: where each parameter lies in the flat vector, and in which order."""

    def __init__(self, case, graph, file='param_table.tsv'):
        self.rows, self.multilayer, offset, layer = [], False, 0, 0
        recorded = {r[0]: (r[1], r[2].lower(), int(r[3]), int(r[4]))
                    for r in (line.split('\t') for line in case.text(file).splitlines() if line[:1] not in ('#', ''))}
        self.multilayer = bool(recorded) and all(re.match(r'\d+_', k) for k in recorded)
        found = {}
        for v in graph.vertices:
            for p in v.params:
                t = graph.param(v.name, p)
                key = '%s_%s' % (layer if self.multilayer else v.name, p)
                order = recorded.get(key, ('', 'f'))[1]
                found[key] = ('[%s]' % ', '.join(map(str, t.shape)), order, offset, t.size)
                self.rows.append((v, p, order.upper(), offset, t.size))
                offset += t.size
            layer += v.op != 'input'
        case.equal(file + ' says', found, recorded)
        self.size = offset

    def flat(self, graph):
        """All parameters of a graph of this kind as the recorder wrote them."""
        parts = [graph.param(v.name, p).numpy().ravel(order) for v, p, order, _, _ in self.rows]
        return np.concatenate(parts) if parts else np.zeros(0, 'f4')

    def trained(self, n):
        """Which elements a trainer of n parameters has: those that are not frozen, and perhaps no statistics."""
        for statistics in (True, False):
            mask = np.zeros(self.size, bool)
            for v, p, _, at, size in self.rows:
                mask[at:at + size] = not v.frozen and (statistics or v.op != 'batch_norm' or p in ('gamma', 'beta'))
            if mask.sum() == n:
                return mask
        raise AssertionError('a trainer of %d parameters: the table has none so' % n)

    def whole(self, values):
        """A trainer's vector in the place of each parameter, 0 where frozen."""
        all_of = np.zeros(self.size, 'f8')
        all_of[self.trained(len(values))] = values
        return all_of

    def spread(self, first, moved, margins=4.0):
        """The most that any of the moved is away from the first, over each parameter, times a margin."""
        more = np.zeros(self.size)
        for i, (_, _, _, at, size) in enumerate(self.rows):
            most = max((np.abs(m[at:at + size] - first[at:at + size]).max(initial=0.0) for m in moved), default=0.0)
            more[at:at + size] = np.broadcast_to(margins, len(self.rows))[i] * most
        return more


# ---- networks


def activations(case, graph, x, multilayer):
    """act_VERTEX.npy or act_LAYER.npy: a session that gives every vertex."""
    layers = [v.name for v in graph.vertices]
    with dl4c.Session(graph, batch=len(x), outputs=layers, input_shapes=[x.shape[1:]]) as s:
        values = dict(zip(layers, s.run(x)))
    readers = {}
    for v in graph.vertices:
        if len(v.inputs) == 1 and (v.op in ('relu', 'prelu', 'activation') or not v.params and v.shape == graph[v.inputs[0]].shape):
            readers.setdefault(v.inputs[0], v.name)
    for i, name in enumerate(layers):
        file = 'act_%s.npy' % (('input' if i == 0 else i - 1) if multilayer else name)
        if not case.has(file):
            continue
        # The recorder kept arrays over which the next layer wrote: then both files hold the later value.
        over = readers.get(name)
        other = 'act_%s.npy' % over
        later = not multilayer and over and case.has(other) and np.array_equal(case.array(file), case.array(other))
        case.near(file, values[over if later else name])


def summaries(case, graph):
    for file, shapes in (('summary.txt', False), ('summary_with_input.txt', True)):
        if case.has(file):
            case.same(file, graph.summary(shapes))


IDLE = ('BatchNormalization', 'PReLULayer', 'DropoutLayer')


def idle(o, key):
    """What the reference writes and never reads."""
    kind = str(o.get('@class', '')).rpartition('.')[2]
    if key == 'activationFn':
        return kind in IDLE
    if key in ('weightInitFn', 'iupdater', 'regularization'):
        return kind == 'DropoutLayer'
    if key == 'topologicalOrder':
        return 'topologicalOrderStr' in o
    return key == 'gradientNormalizationThreshold' and o.get('gradientNormalization') == 'None'


def differs(got, want, at=''):
    """Where two configurations first differ; None: nowhere. Some numbers are floats there."""
    number = (int, float)
    if isinstance(got, number) and isinstance(want, number) and not isinstance(want, bool):
        return None if abs(got - want) <= 1e-7 * abs(want) else at
    if isinstance(got, dict) and isinstance(want, dict):
        for key in sorted(set(got) | set(want)):
            if key in want and idle(want, key):
                continue
            if key not in got or key not in want:
                return at + '/' + key
            a, b = got[key], want[key]
            if key in ('variables', 'regularization', 'regularizationBias') and a and b:
                if len(a) == len(b) and all(any(differs(i, k) is None for i in a) for k in b):
                    continue
            found = differs(a, b, at + '/' + key)
            if found:
                return found
        return None
    if isinstance(got, list) and isinstance(want, list) and len(got) == len(want):
        return next((f for f in (differs(a, b, '%s/%d' % (at, i)) for i, (a, b) in enumerate(zip(got, want))) if f), None)
    return None if got == want else at or '/'


def configuration(data):
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        return json.loads(z.read('configuration.json'))


def written(case, graph, want, what):
    """What is written of a graph, beside what the reference wrote of it."""
    got = configuration(graph.to_bytes('dl4j'))
    got.pop('dl4c', None)
    case.equal('%s written again differs at' % what, differs(got, want), None)


def state(graph, x, y, updater):
    """The updater's state of a graph and its iteration; the first needs a minibatch where the graph leaves shapes open."""
    with dl4c.Trainer(graph, batch=len(x), updater=updater) as t:
        t.score(x, y)
        return t.updater_state.copy(), t.iteration


def targets(graph, labels):
    """The reference's sparse loss takes class indices as a column of floats."""
    sparse = labels.ndim == 2 and labels.shape[1] == 1 and graph[graph.outputs[0]].shape[0] != 1
    return labels[:, 0].astype('i8') if sparse else labels


def model(case):
    data = open_bytes(case.path('model.zip'))
    graph, x = dl4c.Graph.from_bytes(data), case.array('input.npy')
    labels = case.array('labels.npy')
    if case.has('params_after_3epochs_batch16.npy') or 'epochs' in case.meta():
        return epochs(case, graph, x, labels)
    table, y, config = Table(case, graph), targets(graph, labels), configuration(data)
    updater = ramp(case, config)
    case.equal('model.zip has', table.size, graph.param_count['total'], 'parameters')
    case.near('params_0.npy', table.flat(graph), 0)
    if case.has('updater_0.npy'):
        case.near('updater_0.npy', state(graph, x, y, updater)[0], 0)
    summaries(case, graph)
    written(case, graph, config, 'model.zip')
    activations(case, graph, x, table.multilayer)
    if case.has('curve_x.npy'):
        curves(case, config)
    steps(case, data, config, table, x, y, updater)
    if case.has('model_after5.zip'):
        after = dl4c.load(case.path('model_after5.zip'))
        case.near('params_5.npy', table.flat(after), 0)
        held, iteration = state(after, x, y, updater)
        case.equal('model_after5.zip: iteration', iteration, 5)
        if case.has('updater_5.npy'):
            case.near('updater_5.npy', held, 0)
        case.near('output_after5.npy', answer(after, x))
    case.leave('acttrain_*.npy', 'values of a run in training cannot be asked for, in C neither')
    case.leave('updater_blocks.txt', 'which updater a vertex has cannot be asked for, in C neither')
    case.leave('values.tsv', 'the rate that a schedule gives cannot be asked for; the steps that it made are compared')
    if case.name in RECIPES:
        source = os.path.join(os.path.dirname(case.folder), 'b_transfer_replaceout_frozen_fc1', 'source_model.zip')
        case.seen('source_model.zip')
        again = transferred(case, graph, dl4c.load(source))
        written(case, again, config, 'the transfer')
        steps(case, again.to_bytes('dl4j'), config, table, x, y, updater)


def open_bytes(path):
    with open(path, 'rb') as f:
        return f.read()


def helper(case):
    """TransferLearningHelper: the frozen part as features, the rest trained on them, both together again."""
    graph, x, y = dl4c.load(case.path('model.zip')), case.array('input.npy'), case.array('labels.npy')
    transfer = dl4c.Transfer(graph)
    trunk, head = transfer.frozen, transfer.unfrozen
    table = Table(case, head, 'unfrozen_param_table.tsv')
    np.testing.assert_array_equal(table.flat(head), table.flat(dl4c.load(case.path('unfrozen.zip'))))
    case.same('unfrozen_summary.txt', head.summary())
    case.near('featurized.npy', trunk.run(x))
    features = case.array('featurized.npy')
    case.near('output_from_featurized.npy', head.run(features))
    with dl4c.Trainer(head, batch=len(x)) as t:
        for i in range(1, 6):
            t.step(features, y)
            if case.has('unfrozen_params_%d.npy' % i):
                case.near('unfrozen_params_%d.npy' % i, table.flat(head))
                transfer.update()
                for whole in (trunk.join(head), graph):
                    case.near('full_params_after_fitFeaturized_%d.npy' % i, np.concatenate(
                        [whole.param(v.name, p).numpy().ravel('F' if v.op != 'conv2d' else 'C') for v in whole.vertices for p in v.params]))
    for whole in (trunk.join(head), graph):
        case.near('full_output_after5.npy', whole.run(x))


def configurations(case):
    """NAME.json: a configuration alone, put into a model without parameters, which are drawn. The largest take gigabytes and a minute."""
    for file in [f for f in case.files if f.endswith('.json')]:
        name = file[:-5]
        total = int(re.search(r'Total Parameters: +([0-9,]+)', case.text(name + '.summary.txt')).group(1).replace(',', ''))
        if total > 3e7 and not os.environ.get('DL4C_TEST_FULL'):
            case.open.update(f for f in case.files if f.startswith(name + '.'))
            case.leave(name + '.*', 'more than 30 million parameters are for scripts/test --full')
            continue
        graph = dl4c.Graph.from_bytes(packed(case.text(file)))
        case.same(name + '.summary.txt', graph.summary())
        if case.has(name + '.summary_with_input.txt'):
            case.same(name + '.summary_with_input.txt', graph.summary(True))
        if total <= (3e7 if os.environ.get('DL4C_TEST_FULL') else 3e6):  # what is written has the parameters, too
            written(case, graph, json.loads(case.text(file)), file)


def averaging(case):
    graph, table = dl4c.load(case.path('model.zip')), case.array('params_0.npy')
    case.equal('model.zip has', graph.param_count['total'], len(table), 'parameters')
    case.leave('*', 'dl4c.fit shares rows out itself: which rows a worker gets, as its log has them, cannot be said, in C neither')


def compare(case):
    """Compares a case by what its folder holds."""
    if case.has('unfrozen.zip'):
        helper(case)
    elif case.has('worker_log.jsonl'):
        averaging(case)
    elif case.has('predictions.npy'):
        evaluation(case)
    elif case.has('model.zip'):
        model(case)
    elif any(f.endswith('.summary.txt') for f in case.files):
        configurations(case)
    elif case.has('meta.txt'):
        images(case)
    elif case.name == 'f_dropout_train_stats':
        dropout(case)
    elif case.has('standardize_mean.npy'):
        normalizers(case)
    elif case.has('splits.txt'):
        splits(case)
    else:
        case.leave('*', 'nothing here compares such a case')
