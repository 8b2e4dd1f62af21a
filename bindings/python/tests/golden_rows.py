# SPDX-License-Identifier: Apache-2.0
# Recorded cases without a network, through Python: evaluations and measures, images, normalizers, choices of paths.
import fnmatch
import os
import re

import numpy as np

import dl4c

# ---- evaluation

METRICS = {'accuracy': ('accuracy', 'default'), 'precision': ('precision', 'default'), 'recall': ('recall', 'default'),
           'f1': ('f1', 'default'), 'precision_micro': ('precision', 'micro'), 'recall_micro': ('recall', 'micro'),
           'f1_micro': ('f1', 'micro'), 'mcc_macro': ('mcc', 'macro'), 'gmeasure_macro': ('g_measure', 'macro'),
           'fpr': ('false_positive_rate', 'default'), 'fnr': ('false_negative_rate', 'default')}


def evaluation(case):
    p, y = case.array('predictions.npy'), case.array('labels.npy')
    labels, n = y.argmax(1), p.shape[1]
    found = re.search(r'\n Top (\d+) Accuracy', case.text('stats.txt'))

    def counted(classes=n, **options):
        e = dl4c.Evaluation(classes, **options)
        e.add(p[:len(p) // 3], labels[:len(p) // 3])
        e.add(p[len(p) // 3:], labels[len(p) // 3:])
        return e
    e = counted(['class_%c' % (ord('a') + i) for i in range(n)], top_n=int(found.group(1)) if found else 1)
    case.same('stats.txt', e.stats())
    case.same('stats_nolabels.txt', counted().stats())
    case.same('stats_suppress_confusion.txt', e.stats(confusion=False))
    case.same('confusion.txt', e.confusion_text())
    case.same('confusion.csv', e.confusion_csv())
    case.same('confusion.html', e.confusion_html())
    for file in ('eval.json', 'eval.yaml'):
        case.same(file, e.dl4j_json())
    case.same('eval.json', dl4c.Evaluation.from_dl4j(case.text('eval.json')).dl4j_json())
    for file in fnmatch.filter(case.files, 'stats_threshold*.txt'):
        case.same(file, counted(threshold=float(file[len('stats_threshold'):-len('.txt')])).stats())
    lines = dict(line.split('\t', 1) for line in case.text('metrics.tsv').splitlines())
    for key, (name, average) in METRICS.items():
        case.equal(key + ' is', e.metric(name, average), float(lines[key]))
    case.equal('top N accuracy is', e.top_n_accuracy, float(lines['topN']))
    counts = e.confusion
    for i in range(n):
        want = {k: float(v) for k, v in (item.split('=') for item in lines['class%d' % i].split('\t'))}
        tp = counts[i, i]
        got = {'tp': tp, 'fp': counts[:, i].sum() - tp, 'fn': counts[i].sum() - tp,
               'prec': e.metric('precision', of=i), 'rec': e.metric('recall', of=i), 'f1': e.metric('f1', of=i)}
        got['tn'] = counts.sum() - got['tp'] - got['fp'] - got['fn']
        case.equal('class %d has' % i, {k: float(v) for k, v in got.items()}, want)
    measures(case, p, y)


MEASURES = {'roc.txt': ('Roc', {}, 'auc'), 'roc30.txt': ('Roc', {'steps': 30}, 'auc'), 'roc.json': ('Roc', {'steps': 30}, ''),
            'rocbinary.txt': ('RocBinary', {}, ''), 'rocmulti.txt': ('RocMultiClass', {}, 'each'), 'evalbinary.txt': ('Binary', {}, ''),
            'regression.txt': ('Regression', {}, ''), 'calibration.txt': ('Calibration', {}, ''),
            'calibration.json': ('Calibration', {}, '')}


def measures(case, p, y):
    """Texts of the measures, some behind areas; some sums in float were recorded of one batch, the others are counted in two."""
    for file in [f for f in MEASURES if case.has(f)]:
        kind, options, area = MEASURES[file]
        m = getattr(dl4c.measures, kind)(p.shape[1], **options)
        first = 0 if kind in ('Regression', 'Calibration') else len(p) // 3
        if first:
            m.add(y[:first], p[:first])
        m.add(y[first:], p[first:])
        head = ''
        if area == 'auc':
            head = 'auc\t%r\nauprc\t%r\n' % (m.value('auroc'), m.value('auprc'))
        elif area:
            head = ''.join('auc%d\t%r\n' % (i, m.value('auroc', i)) for i in range(m.columns))
        case.same(file, m.dl4j_json() if file.endswith('.json') else head + m.stats())
        if file.endswith('.json'):
            case.same(file, dl4c.measures.Measure.from_dl4j(case.text(file)).dl4j_json())


# ---- images and rows


def preprocess_of(array):
    """What an array's name says of its making."""
    if '_vgg16' in array:
        return 'vgg16'
    return 'scale01:order=bgr' if '_scale01' in array else 'dl4j:fit=dl4j-crop' if 'centercrop' in array else 'dl4j'


TRANSFORMS = {'flip_h': 'flip:mode=horizontal', 'flip_v': 'flip:mode=vertical', 'flip_both': 'flip:mode=both',
              'resize_50x37': 'resize:width=50,height=37', 'box_120x100': 'box:width=120,height=100', 'equalize': 'equalize',
              'color_ycrcb': 'color:to=ycrcb'}


def pixels(case, image, array, preprocess, transform=None):
    want = case.array(array)
    channels, height, width = want.shape[1:]
    reader = dl4c.ImageReader(paths=[case.path(image)], height=height, width=width, channels=channels, preprocess=preprocess,
                              unlabelled=True, on_bad='fail', transform=transform)
    got = next(reader.batches(1))[0]
    if not np.array_equal(got, want.astype('f4')):
        raise AssertionError('%s: %d of %d elements differ' % (array, (got != want).sum(), want.size))


def images(case):
    refused = {line.split('\t')[0] for line in case.text('meta.txt').splitlines() if 'FAILED' in line}
    for name in sorted({f.split('/')[0] for f in case.files if '/' in f} - {'transforms'}):
        image = '%s/%s' % (name, name)
        if name.endswith('.png') and os.environ.get('DL4C_WITHOUT') == 'png':
            case.leave(name + '/*', 'the library was built without PNG')
            continue
        if name in refused:
            try:
                next(dl4c.ImageReader(paths=[case.path(image)], height=8, width=8, unlabelled=True, on_bad='fail').batches(1))
            except dl4c.Error:
                continue
            raise AssertionError('%s is decoded here, DataVec refuses it' % name)
        for array in [f for f in case.files if f.startswith(name + '/') and f.endswith('.npy')]:
            pixels(case, image, array, preprocess_of(array))
        case.seen(image)
    for name, step in TRANSFORMS.items():
        if case.has('transforms/%s.npy' % name):
            pixels(case, 'prog444_96x80.jpg/prog444_96x80.jpg', 'transforms/%s.npy' % name, 'dl4j', step)


def normalizers(case):
    """What each learns of features.npy and labels.npy or image.npy, what it makes of them; and back."""
    todo = [('standardize:labels=1', 'features.npy', 'standardize', 'standardize_features.npy', 'standardize_labels.npy'),
            ('standardize', 'image.npy', 'image_standardize4d', 'image_standardize4d.npy', None),
            ('vgg16', 'image.npy', None, 'image_vgg16.npy', None)]
    for file in case.files:
        ranges = re.match(r'(minmax|image_scaler)_(-?[0-9.]+)_(-?[0-9.]+)(_features)?\.npy$', file)
        if ranges and ranges.group(4):
            todo.append(('min_max:min=%s,max=%s' % ranges.group(2, 3), 'features.npy', 'minmax', file, None))
        elif ranges:
            todo.append(('image_scaler:min=%s,max=%s' % ranges.group(2, 3), 'image.npy', None, file, None))
    for spec, file, learnt, result, label_result in todo:
        x = case.array(file).astype('f4')
        y = case.array('labels.npy').astype('f4') if label_result else None
        one = dl4c.Normalizer(spec).fit(x, y)
        for numbers, names in ((one.center, ('mean', 'min')), (one.spread, ('std', 'max'))):
            for name in names if learnt else ():
                if case.has('%s_%s.npy' % (learnt, name)):
                    case.near('%s_%s.npy' % (learnt, name), numbers)
        case.near(result, one.apply(x))
        if label_result:
            case.near(label_result, one.apply_labels(y))
        case.near(file, one.revert(x))


def splits(case):
    """Paths as DataVec's filters pick and divide them: the recorded listing goes in, the recorded parts must come out, in order."""
    seed, paths, parts, listing = 0, [], [], False
    for line in case.text('splits.txt').splitlines():
        if line.startswith('FileSplit seed '):
            seed, paths, listing = int(line.split()[2]), [], True
        elif line.startswith('  ') and listing:
            paths.append(line[2:])
        elif line.startswith('  '):
            parts[-1][3].append(line[2:])
        else:
            i, count = re.search(r' part (\d+) n=(\d+)', line).groups()
            parts.append((seed, line, (int(i), int(count)), [], paths))
            listing = False
    for seed, line, (i, count), want, paths in parts:
        limited, balanced = 'maxPathsPerLabel=4' in line, line.startswith('Balanced')
        weights = [50, 50] if limited else [80, 20] if balanced else [70, 30]  # the recorder's
        got = dl4c.sample_paths(paths, 'balanced' if balanced else 'random', seed, weights, max_per_label=4 if limited else 0)[i]
        case.equal(line + ': there are', len(got), count, 'paths')
        case.equal(line, [paths[k] for k in got], want)
