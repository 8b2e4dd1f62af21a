/* SPDX-License-Identifier: Apache-2.0 */
/* Output size and padding of convolution and pooling, as Deeplearning4j's ConvolutionMode has them, and ONNX's auto_pad. */
#include "ops/extent.h"

const char *const dli_mode_words[] = { "truncate", "strict", "same", "same_lower", NULL };

static bool same(const struct dli_extent *e) { return e->mode == DLI_MODE_SAME || e->mode == DLI_MODE_SAME_LOWER; }

static int64_t reach(const struct dli_extent *e, int32_t axis) { return (e->kernel[axis] - 1) * e->dilation[axis] + 1; }

struct dli_extent_size dli_extent_known(const struct dli_extent *e, int32_t axis, int64_t in, int64_t out)
{
    struct dli_extent_size s = { in, out, e->padding[axis], e->padding_end[axis] < 0 ? e->padding[axis] : e->padding_end[axis] };
    if (same(e)) {
        const int64_t wanted = (out - 1) * e->stride[axis] + reach(e, axis) - in, total = wanted > 0 ? wanted : 0;
        s.pad = e->mode == DLI_MODE_SAME ? total / 2 : total - total / 2;
        s.pad_end = total - s.pad;
    }
    return s;
}

dl4c_status dli_extent_size(const struct dli_extent *e, const struct dli_infer *i, const char *op, int32_t axis, bool ceil,
                            struct dli_extent_size *size, struct dl4c_error *err)
{
    const int64_t in = i->in[0].dim[axis + 1], stride = e->stride[axis];
    const char *what = axis == 0 ? "height" : "width";
    if (in < 0) {
        *size = (struct dli_extent_size){ -1, -1, 0, 0 };
        return DL4C_OK;
    }
    if (in == 0 || in > INT32_MAX)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input %s has a %s of %" PRId64 ", wanted 1 to %d", i->vertex,
                        DLI_SHAPE_STR(&i->in[0]), what, in, INT32_MAX);
    if (same(e)) {
        *size = dli_extent_known(e, axis, in, (in + stride - 1) / stride);
        return DL4C_OK;
    }
    struct dli_extent_size s = dli_extent_known(e, axis, in, 0);
    const int64_t room = in + s.pad + s.pad_end - reach(e, axis);
    if (room < 0)
        return dli_fail(err, DL4C_E_INVALID, op,
                        "vertex '%s': the kernel covers %" PRId64 " cells but the %s of the input %s is %" PRId64 " with its padding",
                        i->vertex, reach(e, axis), what, DLI_SHAPE_STR(&i->in[0]), in + s.pad + s.pad_end);
    if (e->mode == DLI_MODE_STRICT && room % stride != 0)
        return dli_fail(err, DL4C_E_INVALID, op,
                        "vertex '%s': mode strict, and (%s %" PRId64 " + padding %" PRId64 " - kernel %" PRId64
                        ") is no multiple of the stride %" PRId64,
                        i->vertex, what, in, s.pad + s.pad_end, reach(e, axis), stride);
    s.out = room / stride + 1;
    if (ceil && room % stride != 0 && s.out * stride < in + s.pad)
        s.out++;
    *size = s;
    return DL4C_OK;
}
