# SPDX-License-Identifier: Apache-2.0
# What tests/spark/real.py submits: each step compares what a cluster does with what one process does, to the bit, and prints a line.
# Usage: job.py STEP...; the environment: WORK, a folder (or URI) that driver and executors see, TRUNK, AT, WORKERS.
import json
import os
import sys
import tempfile
import time

import numpy as np
from pyspark.sql import SparkSession

import dl4c
from dl4c.spark import ParameterAveragingTrainingMaster, SparkComputationGraph, featurize, read_features

WORK, WORKERS = os.environ['WORK'], int(os.environ.get('WORKERS', '2'))
spark = SparkSession.builder.appName('dl4c tests').getOrCreate()
spark.sparkContext.setLogLevel('ERROR')


def check(good, what):
    if not good:
        raise AssertionError(what)
    print('ok: ' + what, flush=True)


def under(name):
    return dl4c.fs.join(WORK, name)


def master(**options):
    return ParameterAveragingTrainingMaster(**{'batch_size_per_worker': 16, 'averaging_frequency': 3, 'workers': WORKERS, **options})


def same(one, other):
    """Parameters, the updater's state and what is counted are those of another graph, to the bit."""
    from dl4c.spark._tensors import Model
    a, b = (Model(graph.to_bytes(updater=True)) for graph in (one, other))
    return (one.digest() == other.digest() and (a.iteration, a.epoch) == (b.iteration, b.epoch) and list(a.tensors) == list(b.tensors) and
            all(np.array_equal(a.tensors[name], b.tensors[name]) for name in a.tensors))


def examples(rows=500, classes=5, features=40):
    rng = np.random.default_rng(7)
    return rng.standard_normal((rows, features)).astype(np.float32), rng.integers(0, classes, rows)


def network(dropout=0.0):
    """Two dense layers and batch norm, whose running statistics are averaged too."""
    b = dl4c.Builder().seed(3).input('x', [40]).add('dense:units=16,activation=relu', 'hidden', 'x').add('batch_norm', 'bn', 'hidden')
    last = 'output:units=5,activation=softmax,loss=negative_log_likelihood' + (',dropout=%s' % dropout if dropout else '')
    return b.add(last, 'y', 'bn').finish()


def elements():
    """An RDD of examples, one of minibatches."""
    x, y = examples()
    sc = spark.sparkContext
    minibatches = [(x[k:k + 50], np.eye(5)[y[k:k + 50]]) for k in range(0, 500, 50)]
    return sc.parallelize(list(zip(x, y.tolist())), 3), sc.parallelize(minibatches, 3)


def training():
    """Both approaches give the bits of threads, whatever the updater."""
    x, y = examples()
    singles, minibatches = elements()
    for number, (updater, save, dropout, rdd, epochs) in enumerate([
            ('nesterovs:lr=1e-2,momentum=0.9', True, 0.0, singles, 2), ('adam:lr=1e-2', False, 0.8, minibatches, 1),
            ('sgd:lr=1e-2', True, 0.0, singles, 1)]):
        here = network(dropout)
        here.fit((x, y), epochs=epochs, batch=16, workers=WORKERS, averaging_frequency=3, updater=updater, save_updater=save,
                 class_weights='balanced')
        for approach, depth in (('barrier', 2), ('aggregate', 2)):
            there = network(dropout)
            net = SparkComputationGraph(spark, there, master(approach=approach, aggregation_depth=depth, save_updater=save,
                                                             export_dir=under('exports')))
            net.fit(rdd, epochs=epochs, updater=updater, class_weights='balanced')
            check(same(here, there), '%s, depth %d: %s, save_updater=%s, dropout %s' % (approach, depth, updater, save, dropout))
            check(len(net.epochs) == epochs and net.score > 0, '%d epochs, score %.3f' % (epochs, net.score))
            net.close()
    jobs(x, y, singles)


def jobs(x, y, singles):
    """Rounds that are jobs, where executors do not connect to the driver: it sums, or a shuffle does."""
    from dl4c.spark import _hub
    for workers, depth in ((WORKERS, 2), (6, 1), (6, 2)):
        here, there = network(0.8), network(0.8)
        here.fit((x, y), epochs=1, batch=16, workers=workers, averaging_frequency=3)
        limit, _hub.LIMIT = _hub.LIMIT, 0
        net = SparkComputationGraph(spark, there, master(approach='aggregate', workers=workers, aggregation_depth=depth, wait=0.5,
                                                         export_dir=under('exports')))
        net.fit(singles)
        _hub.LIMIT = limit
        check(same(here, there), 'rounds that are jobs: %d workers, depth %d' % (workers, depth))
        net.close()
    here, there = network(), network()
    here.fit((x, y), epochs=2, batch=16, workers=6, averaging_frequency=3)
    net = SparkComputationGraph(spark, there, master(approach='aggregate', workers=6, wait=0.5, export_dir=under('exports'),
                                                     setup=prepare, environment={'DL4C_TEST': '1'}))
    net.fit(singles, epochs=2)
    check(same(here, there), 'more workers than tasks that run at once')
    net.close()


def prepare():
    """A user's function, which each task's process calls."""
    check(os.environ['DL4C_TEST'] == '1', 'variables of a task')


def running():
    """Evaluating, scoring and predicting over the cluster, as here."""
    x, y = examples()
    singles, minibatches = elements()
    graph = network()
    net = SparkComputationGraph(spark, graph, master(export_dir=under('exports')))
    here = graph.evaluate((x, y), top_n=2).to_dict()
    check(net.evaluate(singles, top_n=2).to_dict() == here and net.evaluate(minibatches, top_n=2).to_dict() == here, 'evaluation')
    trainer = dl4c.Trainer(graph.clone(), batch=500)
    check(abs(net.calculate_score(singles) - trainer.score(x, y)) < 1e-6, 'score')
    out = graph.run(x)
    told = dict(net.feed_forward_with_key(singles.map(lambda p: p[0]).zipWithIndex().map(lambda p: (p[1], p[0]))).collect())
    check(all(np.allclose(told[k], out[k], rtol=1e-5, atol=1e-7) for k in range(len(x))), 'what comes out by key')
    best = net.predict(singles.map(lambda p: p[0]), top=2).collect()
    check([b[0]['index'] for b in best] == out.argmax(1).tolist() and best[0][0]['class'] == str(best[0][0]['index']), 'classes')
    net.master.approach = 'auto'
    net.fit(singles)
    check(net.approach == 'barrier', 'the barrier approach is the automatic one')
    alone, one = network(), network()
    alone.fit((x, y), epochs=2, batch=16)
    for approach in ('barrier', 'aggregate'):
        net = SparkComputationGraph(spark, one.clone(), master(workers=1, approach=approach, export_dir=under('exports')))
        check(same(alone, net.fit(minibatches, epochs=2)), approach + ': one worker')
        net.close()
    refusals(singles)


def refusals(singles):
    """What cannot work is one clear exception in the driver, of the library's kind."""
    from dl4c import errors
    x, y = examples(50)
    x[7, 3] = np.nan
    for approach in ('barrier', 'aggregate'):
        net = SparkComputationGraph(spark, network(), master(approach=approach, export_dir=under('exports')))
        for rdd, wanted, text in ((spark.sparkContext.parallelize(list(zip(x, y.tolist())), 2), errors.DivergedError, 'NaN'),
                                  (spark.sparkContext.parallelize([(x[0], 9)], 1), ValueError, 'outside the 5 classes')):
            try:
                net.fit(rdd)
            except Exception as why:
                check((isinstance(why, wanted) or wanted.__name__ in str(why)) and text in str(why), approach + ': ' + wanted.__name__)
            else:
                raise AssertionError(approach + ' took ' + wanted.__name__)
    try:
        SparkComputationGraph(spark, network(), master(approach='barrier', workers=99, wait=0.5, export_dir=under('exports'))).fit(singles)
    except errors.StateError as why:
        check('99 tasks' in str(why), 'more workers than slots')


def files_of(uri):
    return {e.name: dl4c.fs.read_bytes(dl4c.fs.join(uri, e.name)) for e in dl4c.fs.listdir(uri)}


def photographs():
    """Features of photographs by URI, by paths, as an RDD and as a DataFrame: the bytes of one process."""
    images, at = under('images'), os.environ['AT']
    trunk = dl4c.load(os.environ['TRUNK']).trunk(at)
    with tempfile.TemporaryDirectory() as folder:
        dl4c.featurize(trunk, dl4c.ImageReader(images, for_graph=trunk), folder + '/store', shard_size=8)
        here = files_of(folder + '/store')
    ways = {'uri': images, 'paths': [dl4c.fs.join(images, e.name) for e in dl4c.fs.walk(images) if e.kind == 'file']}
    if '://' not in images:
        ways['rdd'] = spark.sparkContext.binaryFiles('file://' + images + '/*')
        ways['frame'] = spark.read.format('binaryFile').load('file://' + images + '/*')
    elif os.environ.get('HDFS_RPC'):
        ways['rdd'] = spark.sparkContext.binaryFiles(os.environ['HDFS_RPC'] + '/*')
        ways['frame'] = spark.read.format('binaryFile').load(os.environ['HDFS_RPC'] + '/*')
    for name, given in ways.items():
        out = under('store-' + name)
        store = featurize(spark, trunk, given, out, shard_size=8)
        check(files_of(out) == here, 'features of photographs by ' + name)
    frame = read_features(spark, out)
    rows = frame.collect()
    check([r['path'] for r in rows] == store.paths and [r['label'] for r in rows] == store.labels.tolist(), 'a store as a DataFrame')
    check(np.array_equal(np.array([r['features'] for r in rows], np.float32), np.concatenate(store.shards).reshape(len(rows), -1)), 'rows')
    heads = [dl4c.softmax_head(store) for _ in range(3)]
    heads[0].fit(store, epochs=2, batch=16, workers=WORKERS, averaging_frequency=3)
    for head, approach in zip(heads[1:], ('barrier', 'aggregate')):
        net = SparkComputationGraph(spark, head, master(approach=approach, checkpoint_dir=under('checkpoints')))
        net.fit(out, epochs=2, validation=out)
        check(same(heads[0], head), approach + ': a head of stored features')
        check(net.evaluate(out).to_dict() == heads[0].evaluate(store).to_dict(), 'its evaluation')
    whole = dl4c.join(trunk, heads[0])
    net = SparkComputationGraph(spark, whole, master())
    reader = dl4c.ImageReader(images, for_graph=whole)
    check(net.evaluate(images).to_dict() == whole.evaluate(reader).to_dict(), 'evaluation of photographs')
    there = whole.clone()
    whole.fit(reader, epochs=1, batch=16, workers=WORKERS, averaging_frequency=3)
    SparkComputationGraph(spark, there, master(approach='barrier')).fit(images)
    check(same(whole, there), 'barrier: a network on photographs')


def long():
    """A training that real.py kills an executor of. What the attempt that ended it told of, as a line of JSON."""
    store = dl4c.Features(under('rows'))
    here, there = dl4c.softmax_head(store), dl4c.softmax_head(store)
    epochs, approach = int(os.environ['EPOCHS']), os.environ['APPROACH']
    net = SparkComputationGraph(spark, there, master(approach=approach, checkpoint_dir=under('checkpoints-' + os.environ['NAME']),
                                                     checkpoint_every=0.5, wait=90))
    begun = time.monotonic()
    net.fit(under('rows'), epochs=epochs)
    took = time.monotonic() - begun
    told = []
    here.fit(store, epochs=epochs, batch=16, workers=WORKERS, averaging_frequency=3,
             listeners=[lambda epoch, train_score, *rest: told.append((epoch, train_score))])
    check(same(here, there), approach + ': the model of an uninterrupted training')
    found = [(one['epoch'], one['train_score']) for one in net.epochs]
    check([n for n, _ in found] == list(range(1, epochs + 1)) and np.allclose([s for _, s in found], [s for _, s in told], 1e-12),
          'every epoch is told, and what it came to')
    print(json.dumps({'seconds': round(took, 1), 'began': net._began}))


def sized():
    """Heads of 1 M and 8 M parameters, whose memory real.py has watched; it is told of in lines of JSON."""
    from dl4c.spark import _tensors
    rng = np.random.default_rng(6)
    for floats, classes, rows in ((4096, 257, 2000), (8192, 1024, 600)):
        where = under('sized/%d' % floats)
        data = [('features', rng.standard_normal((rows, floats), np.float32)), ('labels', rng.integers(0, classes, rows))]
        names = {'classes': json.dumps([str(k) for k in range(classes)])}
        dl4c.fs.mkdir(where)
        dl4c.fs.write_bytes(dl4c.fs.join(where, 'features-00000.safetensors'), _tensors.compose(names, data))
        shards = {'shards': [{'name': 'features-00000.safetensors', 'rows': rows}]}
        dl4c.fs.write_bytes(dl4c.fs.join(where, 'manifest.json'), json.dumps(shards).encode())
        store = dl4c.Features(where)
        here = dl4c.softmax_head(store)
        here.fit(store, epochs=1, batch=16, workers=WORKERS, averaging_frequency=3, updater='nesterovs:lr=1e-3,momentum=0.9')
        for approach in ('barrier', 'aggregate'):
            there = dl4c.softmax_head(store)
            net = SparkComputationGraph(spark, there, master(approach=approach))
            net.fit(where, epochs=1, updater='nesterovs:lr=1e-3,momentum=0.9')
            check(same(here, there), '%s: a head of %d parameters' % (approach, floats * classes))
            print(json.dumps({'floats': floats * classes, 'approach': approach, 'task_mib': net.memory >> 20}), flush=True)


for step in sys.argv[1:]:
    {'training': training, 'running': running, 'photographs': photographs, 'long': long, 'sized': sized}[step]()
spark.stop()
