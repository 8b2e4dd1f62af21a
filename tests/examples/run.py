# SPDX-License-Identifier: Apache-2.0
# Runs one example on small drawn data and checks what it prints and leaves.
# Usage: run.py NAME MAKE_DATA WORK_DIR EXAMPLE_DIR DL4C
import os
import re
import shutil
import subprocess
import sys

name, make_data, work, examples, dl4c = sys.argv[1:6]


def run(program, *args):
    command = [os.path.join(examples, 'example_' + program), *args]
    done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text = done.stdout.decode()
    if done.returncode:
        print('%s: exit status %d\n%s\n%s' % (' '.join(command), done.returncode, text, done.stderr.decode(errors='replace')))
        sys.exit(1)
    return text


def want(text, pattern):
    found = re.search(pattern, text, re.M)
    if not found:
        print('wanted /%s/ in:\n%s' % (pattern, text))
        sys.exit(1)
    return found


def there(*paths):
    for path in paths:
        if not os.path.getsize(os.path.join(work, path)):
            print('%s is empty' % path)
            sys.exit(1)


def data():
    done = subprocess.run([make_data, work])
    if done.returncode:
        sys.exit(done.returncode)


def accuracy_above(text, least):
    got = float(want(text, r'accuracy[^\d\n]*(\d\.\d+)').group(1))
    if got < least:
        print('accuracy %g, wanted at least %g' % (got, least))
        sys.exit(1)


def tensor():
    want(run('01_tensor'), r'^a view of 4 x 1 x 2$')
    there('tensor.npy')


def summary():
    data()
    text = run('02_summary', 'model.zip')
    want(text, r'Total Parameters')
    want(text, r'conv2d +block2_conv1, 1168 parameters')      # 16 * 8 * 3 * 3 + 16
    want(text, r'output +predictions, 165 parameters \(output\)')


def split_featurize():
    data()
    text = run('03_split_featurize', 'model.zip', 'block2_pool', 'images', 'out')
    want(text, r'^train 24, val 12, test 12$')
    want(text, r'^24 rows of 16 8 8, 3 classes$')
    there('out/lists/train.txt', 'out/train/manifest.json', 'out/test/features-00000.safetensors')


def train_head():
    split_featurize()
    text = run('04_train_head', 'out', 'head.zip')
    want(text, r'^epoch  1: score ')
    # Three colours that every pixel tells: the head makes no mistake.
    accuracy_above(want(text, r'Accuracy: +\d.*').group(0).replace('Accuracy', 'accuracy'), 1.0)
    there('head.zip', 'out/curve.svg')


def fine_tune():
    data()
    text = run('05_fine_tune', 'model.zip', 'block2_pool', 'predictions', 'images', 'tuned.zip')
    want(text, r'^34291 parameters, 32899 of them trained$')  # 224 + 1168 frozen, fc2 32800, predictions 99
    accuracy_above(text, 1.0)
    there('tuned.zip')


def own_source():
    accuracy_above(run('06_own_source'), 0.95)


def own_fs():
    text = run('07_own_fs')
    want(text, r'^6 numbers came back, the last is 5$')
    want(text, r'^ram: no such file: /nothing.npy$')


def own_transport():
    accuracy_above(run('09_own_transport'), 0.95)


def early_stopping():
    split_featurize()  # the lists
    text = run('08_early_stopping', 'model.zip', 'fc2', 'predictions', 'images', 'out/lists', 'out/run')
    want(text, r'^train: Score at iteration 10 is \d')
    want(text, r'^train: Starting evaluation nr\. 1')
    want(text, r'^ended by \w+TerminationCondition\(.*\) after \d+ epochs; best F1 [01]\.\d+ in epoch \d+$')
    want(text, r'^last checkpoint out/run/checkpoints/checkpoint_\d+_ComputationGraph\.zip$')
    accuracy_above(text, 0.8)
    there('out/run/best.zip', 'out/run/checkpoints/checkpointInfo.txt')
    kept = [f for f in os.listdir(os.path.join(work, 'out/run/checkpoints')) if f.endswith('.zip')]
    if len(kept) != 2:
        print('checkpoints kept: %r' % kept)
        sys.exit(1)


def shared_features():
    data()
    client = shutil.which('false')
    done = subprocess.run([os.path.join(examples, 'example_10_shared_features'), 'model.zip', 'block2_pool', 'images', 'store', 'head.zip',
                           client], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 1 or b'the client ended with 1' not in done.stderr:
        print('with a client that fails: %d, %s' % (done.returncode, done.stderr.decode(errors='replace')))
        sys.exit(1)
    # bindings/python/tests/test_example.py has the client in Python; here the host's half, with one that trains on the command line
    text = run('10_shared_features', 'model.zip', 'block2_pool', 'images', 'store', 'head.zip', 'sh', '-c',
               '%s train --features "$1" --out "$2" --epochs 30 --updater adam:lr=0.01 --progress none' % dl4c, 'client')
    want(text, r'^host: 48 rows$')
    accuracy_above(text, 1.0)


def caltech256(program='caltech256'):
    split_featurize()  # the lists
    text = run(program, 'model.zip', 'fc2', 'images', 'out/lists', 'out')
    want(text, r'Total Parameters')
    accuracy_above(text, 0.5)  # 20 epochs at a small learning rate
    there('out/model.zip')
    want(run('02_summary', 'out/model.zip'), r'output +predictions\S*, 99 parameters \(output\)')


def summary_cpp():
    data()
    want(run('02_summary_cpp', 'model.zip', 'fc2'), r'^32 features$')


def caltech256_cpp():
    caltech256('caltech256_cpp')


plan = {f.__name__: f for f in (tensor, summary, split_featurize, train_head, fine_tune, own_source, own_fs, early_stopping,
                                own_transport, shared_features, summary_cpp, caltech256_cpp)}
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
plan['caltech256'] = caltech256
plan[re.sub(r'^\d+_', '', name)]()
shutil.rmtree(work, ignore_errors=True)
