/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The whole public API.
 */
#ifndef DL4C_DL4C_H
#define DL4C_DL4C_H

#include <dl4c/base.h>
#include <dl4c/chart.h>
#include <dl4c/compare.h>
#include <dl4c/early_stopping.h>
#include <dl4c/evaluation.h>
#include <dl4c/features.h>
#include <dl4c/fetch.h>
#include <dl4c/fs.h>
#include <dl4c/graph.h>
#include <dl4c/image.h>
#include <dl4c/layers.h>
#include <dl4c/listener.h>
#include <dl4c/model.h>
#include <dl4c/monitor.h>
#include <dl4c/normalizer.h>
#include <dl4c/op.h>
#include <dl4c/predict.h>
#include <dl4c/reader.h>
#include <dl4c/source.h>
#include <dl4c/tensor.h>
#include <dl4c/train.h>
#include <dl4c/transfer.h>
#include <dl4c/transport.h>
#include <dl4c/webhdfs.h>
#include <dl4c/zoo.h>

#endif
