# SPDX-License-Identifier: Apache-2.0
# The command line from drawn images to a tested classifier, and what it says about bad input.
# Usage: test_pipeline.py DL4C DRAW_SHAPES MODEL.zip
import json
import os
import shutil
import subprocess
import sys
import tempfile

from checks import Checks, bomb, read, write

dl4c, draw, model = map(os.path.abspath, sys.argv[1:])
checks = Checks(dl4c)
check, run, refuses = checks.check, checks.run, checks.refuses
AT = 'block4_pool'


def featurize(images, out, *more):
    return ('featurize', model, '--at', AT, '--images', images, '--out', out) + more


def good(images):
    """The whole way, step by step."""
    out, _ = run('summary', model, '--json')
    vertices = json.loads(out)['vertices']
    check(AT in [v['name'] for v in vertices], 'summary --json does not name ' + AT)
    out, _ = run('summary', model)
    check('block1_conv1' in out and 'Total' in out, 'summary prints %r' % out[:200])
    run('plot', model, '-o', 'graph.svg')
    run('plot', model, '-o', 'graph.dot')
    check(read('graph.svg').lstrip().startswith(b'<') and read('graph.dot').startswith(b'digraph'), 'plot wrote no SVG or no DOT')

    run('split', images, '--out', 'lists', '--seed', '3')
    names = {part: read('lists/%s.txt' % part).decode().split('\n')[:-1] for part in ('train', 'val', 'test')}
    every = sorted(sum(names.values(), []))
    check(len(every) == 72 and len(set(every)) == 72, 'the three lists hold %d images, %d different' % (len(every), len(set(every))))
    for part in names:
        _, err = run(*featurize(images, part, '--list', 'lists/%s.txt' % part), '--progress', 'json')
        done = json.loads(err.splitlines()[-1])
        check(done['done'] == done['total'] == len(names[part]), 'progress ends with %r' % done)
        size = sum(os.path.getsize(os.path.join(images, name)) for name in names[part])
        check(done['bytes'] == size and 'bad' not in done, 'the images have %d bytes, progress ends with %r' % (size, done))
        check(os.path.exists(part + '/_SUCCESS'), part + ' has no _SUCCESS')
    run(*featurize(images, 'again', '--list', 'lists/test.txt', '--batch', '3', '--threads', '1', '--progress', 'none'))
    for name in sorted(os.listdir('test')):
        check(read('test/' + name) == read('again/' + name), 'another batch and one thread gave other bytes in ' + name)
    run(*featurize(images, 'low', '--list', 'lists/test.txt', '--memory', 'low'))

    run('featurize', model, '--at', 'block3_pool,' + AT, '--images', images, '--out', 'both', '--list', 'lists/test.txt', '--progress',
        'none')
    for name in sorted(os.listdir('test')):
        check(read('test/' + name) == read('both/%s/%s' % (AT, name)), 'two vertices in one pass gave other bytes in ' + name)
    run('train', '--features', 'train', '--val', 'val', '--out', 'head.zip', '--epochs', '20', '--updater', 'adam:lr=1e-3', '--dropout',
        '0.5', '--curve-svg', 'curve.svg', '--progress', 'none')
    check(b'<svg' in read('curve.svg'), 'the curve is no SVG')

    out, _ = run('evaluate', 'head.zip', '--features', 'test', '--top', '2', '--errors', 'mistakes', '--confusion-svg', 'confusion.svg',
                 '--json', '--progress', 'none')
    e = json.loads(out)
    n = len(names['test'])
    check(e['n'] == n and sum(map(sum, e['confusion'])) == n and e['classes'] == sorted(os.listdir(images)), 'evaluate says %r' % e)
    check(len(read('mistakes').splitlines()) == round(n * (1 - e['accuracy'])), 'mistakes and accuracy differ')
    check(b'<svg' in read('confusion.svg'), 'the confusion matrix is no SVG')
    out, _ = run('evaluate', 'head.zip', '--features', 'test', '--roc', '--dl4j-json', 'e.json', '--json', '--progress', 'none')
    roc = json.loads(out)['roc']
    check(roc['steps'] == 0 and 0.5 < roc['auroc'] <= 1 and 0 < roc['auprc'] <= 1 and len(roc['auroc_per_class']) == 6,
          '--roc says %r' % roc)
    check(abs(sum(roc['auroc_per_class']) / 6 - roc['auroc']) < 1e-12, '--roc: the mean is none')
    there = json.loads(read('e.json.roc'))
    check([u['auc'] for u in there['underlying']] == roc['auroc_per_class'] and there['labels'] == e['classes'],
          'e.json.roc has other areas')
    check(json.loads(read('e.json'))['numRowCounter'] == n, 'e.json counts otherwise')
    out, _ = run('evaluate', 'head.zip', '--features', 'test', '--roc', '--roc-steps', '20', '--progress', 'none')
    check('Average AUC: ' in out and '20 steps' in out and 'Confusion Matrix' in out, '--roc prints %r' % out[-300:])
    # 6 classes: chance is 1/6; the features must do far better even from 7 images a class
    check(e['accuracy'] > 0.4, 'accuracy is %.3f' % e['accuracy'])

    run('join', model, '--at', AT, 'head.zip', '-o', 'whole.zip')
    paths = [images + '/' + p for p in names['test']]
    out, _ = run('predict', 'whole.zip', *paths, '--progress', 'none')
    rows = [json.loads(line) for line in out.splitlines()]
    right = sum(r['top'][0]['class'] == p.split('/')[-2] for r, p in zip(rows, paths))
    check(len(rows) == n and right == round(n * e['accuracy']),
          'predict has %d of %d right, evaluate %.3f' % (right, len(rows), e['accuracy']))
    out2, _ = run('predict', 'head.zip', '--trunk', model, '--at', AT, *paths, '--progress', 'none')
    check(out == out2, 'the joined model and trunk with head predict differently')


def changed(images):
    """Random changes: the same bytes for any number of threads and batch, others for another seed; labels by pattern; filters."""
    some = ('--list', 'lists/test.txt', '--transform', 'flip/crop:top=4,left=4,random=on', '--progress', 'none')
    shard = '/features-00000.safetensors'
    run(*featurize(images, 'changed', *some, '--threads', '1'))
    run(*featurize(images, 'changed2', *some, '--threads', '3', '--batch', '2'))
    run(*featurize(images, 'changed3', *some, '--transform-seed', '43'))
    run(*featurize(images, 'copies', *some, '--copies', '2'))
    check(read('changed' + shard) == read('changed2' + shard), 'threads or batch changed what --transform drew')
    check(read('changed' + shard)[-20000:-200] != read('changed3' + shard)[-20000:-200],
          'another seed drew the same')
    check(b'"transform":"flip/crop' in read('changed' + shard) and b'"transform_seed":"43"' in read('changed3' + shard),
          'the store does not record its changes')
    n = [json.loads(read(store + '/manifest.json'))['shards'][0]['rows'] for store in ('changed', 'copies')]
    check(n[1] == 2 * n[0], '--copies 2 gave %d rows of %d' % (n[1], n[0]))
    refuses(*featurize(images, 'f', '--transform', 'blur'), says='blur', leaves='f/_SUCCESS')
    refuses(*featurize(images, 'f', '--transform', 'random_crop:width=9999,height=9'), says='9999', leaves='f/_SUCCESS')
    run(*featurize(images, 'f', '--copies', '2'), want=2)

    os.makedirs('named/deep')
    for i, name in enumerate(('a_star_1', 'a_ring_1', 'deep/b_star_2', 'deep/b_ring_2')):
        shutil.copy(images + '/star/%05d.jpg' % i, 'named/%s.jpg' % name)
    pattern = ('--label-pattern', '_', '--label-position', '1')
    run('split', 'named', '--out', 'named_lists', '--train', '0.5', '--val', '0', '--test', '0.5', *pattern)
    check(read('named_lists/classes.txt') == b'ring\nstar\n' and len(read('named_lists/train.txt').split()) == 2, 'labels by pattern')
    run(*featurize('named', 'named_f', '--list', 'named_lists/train.txt', *pattern, '--progress', 'none'))
    check(b'"classes":"[\\"ring\\", \\"star\\"]"' in read('named_f' + shard), 'featurize takes no labels by pattern')
    refuses('split', 'named', '--out', 'l', '--label-pattern', '(', says='(', leaves='l')
    run('split', images, '--out', 'balanced', '--filter', 'balanced', '--max-per-label', '5', '--seed', '9')
    sizes = [len(read('balanced/%s.txt' % part).split()) for part in ('train', 'val', 'test')]
    check(sizes == [18, 6, 6], 'balanced parts have %r images' % sizes)
    run('split', images, '--out', 'l', '--max-per-label', '5', want=2)


def lines(path):
    """The objects of a file of lines; a last line without its end is left out."""
    return [json.loads(line) for line in read(path).decode().split('\n')[:-1]]


def averaged():
    """Workers: each has its lines in the record, rounds count, and the number of threads changes no bit."""
    train = ('train', '--features', 'train', '--epochs', '4', '--batch', '3', '--workers', '3', '--averaging-frequency', '2', '--progress',
             'none')
    run(*train, '--out', 'three.zip', '--run', 'three', '--threads', '1')
    run(*train, '--out', 'again.zip', '--threads', '2')
    check(read('three.zip') == read('again.zip'), 'another number of threads trained other bits')
    about, scores = json.loads(read('three/run.json')), lines('three/scores.jsonl')
    check(about['options']['workers'] == 3 and about['options']['averaging_frequency'] == 2 and about['options']['save_updater'] is True
          and about['options']['transport'] == 'threads', 'run.json says %r' % about['options'])
    check({s['worker'] for s in scores} == {0, 1, 2} and sum(s['examples'] for s in scores) == 4 * about['train']['rows'],
          'scores are %r' % scores)
    check([s['round'] for s in scores] == sorted(s['round'] for s in scores) and scores[0]['round'] == 1, 'rounds are out of order')
    check([e['examples'] for e in lines('three/epochs.jsonl')] == 4 * [about['train']['rows']], 'an epoch left examples out')


def killed():
    """A training that is killed three times and goes on each time writes the model it would have written."""
    task = ('train', '--features', 'train', '--val', 'val', '--epochs', '60', '--dropout', '0.5', '--early-stopping', '59', '--checkpoint',
            'kept', '--checkpoint-every', '0.001', '--progress', 'none')
    job = task + ('--out', 'resumed.zip', '--run', 'resumed-run', '--resume')
    for wanted in (5, 20, 40):
        p = subprocess.Popen([dl4c, *job])
        checks.wait_for(lambda: p.poll() is not None or
                        os.path.exists('resumed-run/epochs.jsonl') and len(lines('resumed-run/epochs.jsonl')) >= wanted)
        p.kill()
        check(p.wait() == -9, 'a training of 60 epochs was over before it was killed at epoch %d' % wanted)
        check(not os.path.exists('resumed.zip'), 'a killed training wrote its model')
    run(*job)
    run(*task, '--out', 'whole-run.zip', '--checkpoint', 'kept-whole')
    check(read('resumed.zip') == read('whole-run.zip'), 'a training that was killed and went on wrote another model')
    epochs = [e['epoch'] for e in lines('resumed-run/epochs.jsonl')]
    check(epochs == list(range(1, 61)), 'the record of a resumed run has the epochs %r' % epochs)
    kinds = [e['kind'] for e in lines('resumed-run/events.jsonl')]
    check(kinds[0] == 'start' and kinds[-1] == 'end' and kinds.count('resumed') == 3 and 'checkpoint' in kinds, 'events %r' % kinds)
    refuses(*task, '--resume', '--out', 'x.zip', '--batch', '7', says='batch', leaves='x.zip')
    refuses(*task, '--out', 'x.zip', says='is there already', leaves='x.zip')


def recorded():
    """A run's record and its picture, under any locale; two runs are never mixed; a killed one can be read."""
    train = ('train', '--features', 'train', '--val', 'val', '--out', 'other.zip', '--l2', '0.125', '--progress', 'none')
    run(*train, '--run', "the run's", '--epochs', '3', '--batch', '8', env={'LC_ALL': 'de_DE.UTF-8'})
    scores, epochs, events = (lines("the run's/%s.jsonl" % name) for name in ('scores', 'epochs', 'events'))
    about = json.loads(read("the run's/run.json"))
    steps = -(-about['train']['rows'] // 8)
    check(about['command'] == 'dl4c ' + ' '.join(train) + " --run 'the run'\\''s' --epochs 3 --batch 8",
          'run.json says the command is %r' % about['command'])
    check(about['options']['l2'] == 0.125, 'run.json says %r' % about['options'])
    check(about['seed'] == 42 and about['options']['batch'] == 8 and len(about['digests']['train']) == 64 and about['digests']['trunk'],
          'run.json says %r' % about)
    check([s['iteration'] for s in scores] == list(range(1, 3 * steps + 1)) and all(s['score'] > 0 for s in scores),
          'scores are %r' % scores)
    check([e['epoch'] for e in epochs] == [1, 2, 3] and all(e['val_score'] > 0 and 0 <= e['val_accuracy'] <= 1 for e in epochs),
          'epochs are %r' % epochs)
    check([e['kind'] for e in events] == ['start', 'end'], 'events are %r' % events)
    run('plot', "the run's", '-o', 'training.svg')
    check(b'<svg' in read('training.svg'), 'the curve is no SVG')
    os.remove('other.zip')
    before = read("the run's/events.jsonl")
    refuses(*train, '--run', "the run's", says='run.json', leaves='other.zip')
    check(read("the run's/events.jsonl") == before, 'a second run touched the record of the first')
    refuses(*train, '--run', 'train/_SUCCESS/here', says='_SUCCESS', leaves='other.zip')

    p = subprocess.Popen([dl4c, *train, '--run', 'killed', '--epochs', '1000000'])
    checks.wait_for(lambda: os.path.exists('killed/epochs.jsonl') and read('killed/epochs.jsonl').count(b'\n') >= 3)
    run('plot', 'killed', '-o', 'meanwhile.svg')
    p.kill()
    p.wait()
    check(lines('killed/scores.jsonl') and len(lines('killed/epochs.jsonl')) >= 3, 'a killed run left no record')
    check([e['kind'] for e in lines('killed/events.jsonl')] == ['start'], 'a killed run has an end')
    with open('killed/scores.jsonl', 'ab') as f:
        f.write(b'{"time": 1, "epo')
    run('plot', 'killed', '-o', 'killed.svg')
    os.makedirs('noise')
    write('noise/epochs.jsonl', b'')
    for text in (b'\x7fELF and so on', b'no\n', b'{"iteration": 1, "score": 2}\n[]\n'):
        write('noise/scores.jsonl', text)
        refuses('plot', 'noise', '-o', 'noise.svg', says='noise/scores.jsonl: line', leaves='noise.svg')
    check(b'<svg' in read('killed.svg') and not os.path.exists('other.zip'), 'a killed run: no picture, or a model')


def bad(images):
    """Missing, empty, truncated, renamed and random files of each kind: one sentence, status 1, nothing left."""
    zipped = read(model)
    image = read(images + '/star/00000.jpg')
    noise = bytes((i * 7919 + i // 251) % 256 for i in range(5000))
    models = {
        'missing.zip': None, 'empty.zip': b'', 'cut.zip': zipped[:len(zipped) // 2], 'renamed.zip': image, 'noise.zip': noise,
        'empty.onnx': b'', 'noise.onnx': noise,
    }
    for name, data in models.items():
        if data is not None:
            write(name, data)
        refuses('summary', name, says=name)
        refuses('join', name, '--at', AT, 'head.zip', '-o', 'out.zip', leaves='out.zip')
    damaged = bytearray(zipped)
    middle = len(damaged) // 2
    damaged[middle:middle + 64] = bytes(64)
    refuses('summary', write('damaged.zip', bytes(damaged)))

    refuses('featurize', model, '--at', 'block4_pol', '--images', images, '--out', 'f', says=AT, leaves='f/_SUCCESS')
    refuses(*featurize('nowhere', 'f'), says='nowhere', leaves='f/_SUCCESS')
    os.makedirs('nothing/here')
    refuses(*featurize('nothing', 'f'), leaves='f/_SUCCESS')
    write('list', b'star/00000.jpg\nstar/99999.jpg\n')
    refuses(*featurize(images, 'f', '--list', 'list'), says='99999', leaves='f/_SUCCESS')
    refuses(*featurize(images, 'f', '--memory-limit', '64k'), leaves='f/_SUCCESS')
    refuses(*featurize(images, 'test'), says='test')
    refuses('split', 'nowhere', '--out', 'l', says='nowhere', leaves='l')

    os.makedirs('few/good')
    os.makedirs('few/none')
    for i in range(3):
        shutil.copy(images + '/star/0000%d.jpg' % i, 'few/good')
    for name, data in (('a_empty.jpg', b''), ('b_cut.jpg', image[:len(image) // 2]), ('c_noise.jpg', noise), ('d_bomb.jpg', bomb(image))):
        write('few/good/' + name, data)
    _, err = run(*featurize('few', 'few_f', '--progress', 'none'))
    check('none' in err and 'warning' in err, 'an empty class folder is no warning: %r' % err)
    reasons = [json.loads(line) for line in read('few_f/bad.jsonl').decode().splitlines()]
    check(sorted(r['path'] for r in reasons) == ['good/a_empty.jpg', 'good/b_cut.jpg', 'good/c_noise.jpg', 'good/d_bomb.jpg']
          and all(r['reason'] for r in reasons), 'bad images are recorded as %r' % reasons)
    refuses(*featurize('few', 'f', '--on-bad-image', 'fail'), leaves='f/_SUCCESS')
    refuses(*featurize('few', 'f', '--max-bad', '2'), leaves='f/_SUCCESS')
    refuses('predict', 'whole.zip', 'few/good/a_empty.jpg', '--on-bad-image', 'fail')

    refuses('train', '--features', 'nowhere', '--out', 'h.zip', says='nowhere', leaves='h.zip')
    for name, change in (('incomplete', lambda d: (os.remove(d + '/_SUCCESS'), os.remove(d + '/manifest.json'))),
                         ('cut_store', lambda d: os.truncate(d + '/features-00000.safetensors', 4000)),
                         ('no_manifest', lambda d: write(d + '/manifest.json', b'{'))):
        shutil.copytree('train', name)
        change(name)
        refuses('train', '--features', name, '--out', 'h.zip', says=name, leaves='h.zip')
    refuses('evaluate', 'head.zip', '--features', 'nowhere', '--errors', 'e.tsv', leaves='e.tsv')
    refuses('evaluate', 'head.zip', '--features', 'few_f', '--errors', 'e.tsv', says="'good'", leaves='e.tsv')
    refuses('train', '--features', 'train', '--out', 'no/folder/h.zip', says='no/folder', leaves='no')
    refuses('train', '--features', 'train', '--out', 'h.zip', '--epochs', '9', '--updater', 'sgd:lr=1e30', '--l2', '1', says='iteration',
            leaves='h.zip')
    refuses('run', model, '--input', write('x.npy', noise), '--output', 'y.npy', leaves='y.npy')
    if os.path.exists('/dev/full'):
        p = subprocess.run([dl4c, 'summary', model], stdout=open('/dev/full', 'wb'), stderr=subprocess.PIPE)
        check(p.returncode == 1 and p.stderr.count(b'\n') == 1, 'a full disk at stdout: status %d, %r' % (p.returncode, p.stderr))


def usage():
    for args in ((), ('nonesuch',), ('summary',), ('summary', model, '--nonesuch'), ('split', 'a', '--out'),
                 ('train', '--features', 'train', '--out', 'h.zip', '--epochs', 'many'), ('train', '--features', 'train', '--out', 'h.zip',
                 '--resume'), ('featurize', model, '--at', AT, '--images', 'x', '--out', 'y', '--pool', 'sum'), ('monitor',),
                 ('plot', model, '-o', 'graph.png'), ('evaluate', 'head.zip', '--features', 'test', '--roc-steps', '5')):
        out, err = run(*args, want=2)
        check(out == '' and err, 'dl4c %s: usage goes to stderr' % ' '.join(args))
    run('--help')
    run('train', '--help')


def main():
    if not os.path.exists(model):
        print('skipped: %s is missing' % model)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        six = 'circle,cross,heart,ring,star,triangle'
        subprocess.run([draw, 'images', '--classes', six, '--per-class', '12', '--seed', '4'], check=True)
        good('images')
        if not checks.failures:
            changed('images')
            averaged()
            killed()
            recorded()
            bad('images')
            usage()
        os.chdir('/')
    print('%d failures' % checks.failures)
    return 1 if checks.failures else 0


sys.exit(main())
