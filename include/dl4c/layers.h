/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Typed helpers over dl4c_builder_add for the layers that most networks are made of. Inline: part of the API, not of the ABI.
 *
 * Each adds one vertex called @p name that reads the vertex @p input, and does nothing after an earlier failure of the builder. What a
 * helper has no parameter for is the operator's default; dl4c_builder_add and dl4c_builder_add_text take every attribute.
 * An @p activation is an operator's text form, "relu" or "leaky_relu(leak=0.1)"; NULL: none.
 * Threads: as the builder, one at a time. Since: 0.1.
 */
#ifndef DL4C_LAYERS_H
#define DL4C_LAYERS_H

#include <dl4c/graph.h>

DL4C_BEGIN

/** Adds a vertex with one input: what all the others come down to. */
static inline void dl4c_layer(dl4c_builder *b, const char *op, const char *name, const char *input, const struct dl4c_attr *attrs,
                              int32_t n_attrs)
{
    const char *inputs[1];
    inputs[0] = input;
    dl4c_builder_add(b, op, name, inputs, 1, attrs, n_attrs);
}

/** A convolution with @p units kernels of @p kernel by @p kernel. @p mode: "truncate", "strict", "same", "same_lower"; NULL: truncate. */
static inline void dl4c_conv2d(dl4c_builder *b, const char *name, const char *input, int64_t units, int64_t kernel, int64_t stride,
                               const char *mode, const char *activation)
{
    struct dl4c_attr a[5];
    int32_t n = 3;
    int64_t kernels[2], strides[2];
    kernels[0] = kernels[1] = kernel;
    strides[0] = strides[1] = stride;
    a[0] = dl4c_attr_int("units", units);
    a[1] = dl4c_attr_ints("kernel", kernels, 2);
    a[2] = dl4c_attr_ints("stride", strides, 2);
    if (mode)
        a[n++] = dl4c_attr_str("mode", mode);
    if (activation)
        a[n++] = dl4c_attr_str("activation", activation);
    dl4c_layer(b, "conv2d", name, input, a, n);
}

/** A fully connected layer; an image is flattened in the order channels, height, width. */
static inline void dl4c_dense(dl4c_builder *b, const char *name, const char *input, int64_t units, const char *activation)
{
    struct dl4c_attr a[2];
    a[0] = dl4c_attr_int("units", units);
    if (activation)
        a[1] = dl4c_attr_str("activation", activation);
    dl4c_layer(b, "dense", name, input, a, activation ? 2 : 1);
}

/** A fully connected layer with a loss. @p activation NULL: "softmax"; @p loss NULL: "negative_log_likelihood". */
static inline void dl4c_output(dl4c_builder *b, const char *name, const char *input, int64_t units, const char *activation,
                               const char *loss)
{
    struct dl4c_attr a[3];
    a[0] = dl4c_attr_int("units", units);
    a[1] = dl4c_attr_str("activation", activation ? activation : "softmax");
    a[2] = dl4c_attr_str("loss", loss ? loss : "negative_log_likelihood");
    dl4c_layer(b, "output", name, input, a, 3);
}

/** The maximum of square windows. */
static inline void dl4c_max_pool(dl4c_builder *b, const char *name, const char *input, int64_t kernel, int64_t stride)
{
    struct dl4c_attr a[2];
    int64_t kernels[2], strides[2];
    kernels[0] = kernels[1] = kernel;
    strides[0] = strides[1] = stride;
    a[0] = dl4c_attr_ints("kernel", kernels, 2);
    a[1] = dl4c_attr_ints("stride", strides, 2);
    dl4c_layer(b, "max_pool", name, input, a, 2);
}

/** The mean of square windows. */
static inline void dl4c_avg_pool(dl4c_builder *b, const char *name, const char *input, int64_t kernel, int64_t stride)
{
    struct dl4c_attr a[2];
    int64_t kernels[2], strides[2];
    kernels[0] = kernels[1] = kernel;
    strides[0] = strides[1] = stride;
    a[0] = dl4c_attr_ints("kernel", kernels, 2);
    a[1] = dl4c_attr_ints("stride", strides, 2);
    dl4c_layer(b, "avg_pool", name, input, a, 2);
}

/** Each channel as one number. @p type: "avg" or "max"; NULL: avg. */
static inline void dl4c_global_pool(dl4c_builder *b, const char *name, const char *input, const char *type)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_str("type", type ? type : "avg");
    dl4c_layer(b, "global_pool", name, input, a, 1);
}

/** Batch normalisation over channels. */
static inline void dl4c_batch_norm(dl4c_builder *b, const char *name, const char *input, const char *activation)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_str("activation", activation ? activation : "");
    dl4c_layer(b, "batch_norm", name, input, a, activation ? 1 : 0);
}

/** Random zeros in training. @p retain: the probability that an element stays, as Deeplearning4j counts it; 0: off. */
static inline void dl4c_dropout(dl4c_builder *b, const char *name, const char *input, double retain)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_float("p", retain);
    dl4c_layer(b, "dropout", name, input, a, 1);
}

/** Rows of zeros at the top and bottom, columns of them at the left and right. */
static inline void dl4c_zero_padding(dl4c_builder *b, const char *name, const char *input, int64_t top, int64_t bottom, int64_t left,
                                     int64_t right)
{
    struct dl4c_attr a[1];
    int64_t padding[4];
    padding[0] = top;
    padding[1] = bottom;
    padding[2] = left;
    padding[3] = right;
    a[0] = dl4c_attr_ints("padding", padding, 4);
    dl4c_layer(b, "zero_padding", name, input, a, 1);
}

/** An operator without attributes as a vertex of its own: "relu", "softmax", "flatten" ... */
static inline void dl4c_apply(dl4c_builder *b, const char *op, const char *name, const char *input)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_int("", 0); /* not looked at */
    dl4c_layer(b, op, name, input, a, 0);
}

/** An operator without attributes over two vertices: "add", "multiply", "merge" ... */
static inline void dl4c_combine(dl4c_builder *b, const char *op, const char *name, const char *first, const char *second)
{
    struct dl4c_attr a[1];
    const char *inputs[2];
    inputs[0] = first;
    inputs[1] = second;
    a[0] = dl4c_attr_int("", 0); /* not looked at */
    dl4c_builder_add(b, op, name, inputs, 2, a, 0);
}

DL4C_END
#endif
