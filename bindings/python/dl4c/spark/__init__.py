# SPDX-License-Identifier: Apache-2.0
"""The library on a Spark cluster: featurizing, training, evaluating on executors, while Spark schedules and tries again.

    from dl4c.spark import ParameterAveragingTrainingMaster, SparkComputationGraph, featurize

    store = featurize(spark, trunk, 'webhdfs://namenode:9870/photographs', 'webhdfs://namenode:9870/features')
    head = dl4c.softmax_head(store)
    master = ParameterAveragingTrainingMaster(batch_size_per_worker=32, averaging_frequency=5)
    net = SparkComputationGraph(spark, head, master)
    net.fit('webhdfs://namenode:9870/features', epochs=20)
    print(net.evaluate('webhdfs://namenode:9870/features'))

pyspark is imported where it is used and nowhere else.
"""
from .features import featurize, read_features
from .master import ParameterAveragingTrainingMaster
from .network import SparkComputationGraph
from .package import package

__all__ = ['ParameterAveragingTrainingMaster', 'SparkComputationGraph', 'featurize', 'package', 'read_features']
