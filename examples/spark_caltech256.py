# SPDX-License-Identifier: Apache-2.0
# The Caltech-256 case as a Spark job: executors featurize photographs in HDFS into HDFS, train a new last layer, evaluate it.
# Usage: spark-submit ... spark_caltech256.py MODEL VERTEX IMAGES LISTS WORK [APPROACH]. All are URIs that driver and executors see:
# webhdfs://namenode:9870/caltech256. LISTS is what `dl4c split` wrote. docs/howto/spark.md says how the library travels with the job.
import sys

from pyspark.sql import SparkSession

import dl4c
from dl4c.spark import ParameterAveragingTrainingMaster, SparkComputationGraph, featurize

model, vertex, images, lists, work = sys.argv[1:6]
approach = sys.argv[6] if len(sys.argv) > 6 else 'auto'
spark = SparkSession.builder.appName('caltech256').getOrCreate()

trunk = dl4c.load(model).trunk(vertex)                      # everything up to the vertex, frozen
stores = {}
for part in ('train', 'val', 'test'):                       # every photograph goes through the trunk once, on some executor
    out = dl4c.fs.join(work, part)
    stores[part] = featurize(spark, trunk, images, out, list=dl4c.fs.join(lists, part + '.txt'), shard_size=64)

head = dl4c.softmax_head(stores['train'])                   # a new prediction layer
master = ParameterAveragingTrainingMaster(batch_size_per_worker=8, averaging_frequency=5, approach=approach,
                                          checkpoint_dir=dl4c.fs.join(work, 'checkpoints'))
net = SparkComputationGraph(spark, head, master)
net.fit(dl4c.fs.join(work, 'train'), epochs=20, updater=dl4c.Adam(1e-3), validation=dl4c.fs.join(work, 'val'))
for epoch in net.epochs:
    print('epoch %(epoch)d: %(train_score).3f, validation %(val_score).3f, accuracy %(val_accuracy).3f' % epoch)
print(net.evaluate(dl4c.fs.join(work, 'test')).stats())

dl4c.join(trunk, head).save(dl4c.fs.join(work, 'caltech256-%s.zip' % net.approach))
head.save(dl4c.fs.join(work, 'head-%s.zip' % net.approach), updater=True)
spark.stop()
