/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that move elements or give them another shape. The batch stays the first axis. */
#include "formats/onnx/fold.h"
#include "formats/onnx/nodes.h"

#include <string.h>

/* A vertex that gives x the shape dim[rank] (the batch left out, one length may be -1). */
static dl4c_status emit_reshape(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dli_onnx_value *x, int32_t rank,
                                const int64_t *dim, struct dl4c_error *err)
{
    DLI_TRY(dli_onnx_settle(im, x, err));
    if (rank < 1 || rank > DLI_SHAPE_RANK)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "to %" PRId32 " axes; 2 to %d are supported", rank + 1, DLI_SHAPE_RANK + 1);
    if (rank == 1)
        return dli_onnx_emit(im, node, "flatten", &x, 1, NULL, 0, NULL, 0, err);
    const struct dl4c_attr shape = dl4c_attr_ints("shape", dim, rank);
    return dli_onnx_emit(im, node, "reshape", &x, 1, &shape, 1, NULL, 0, err);
}

dl4c_status dli_onnx_flatten(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    int64_t axis = dli_onnx_attr_i(node, "axis", 1);
    const int64_t rest = -1;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    axis = axis < 0 ? axis + dli_onnx_rank(x) : axis;
    if (axis != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "axis %" PRId64 " mixes the batch with other axes; 1 is supported", axis);
    return emit_reshape(im, node, x, 1, &rest, err);
}

dl4c_status dli_onnx_reshape(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    const int64_t *want;
    int64_t n, dim[DLI_ONNX_RANK], known = 1, elements = 1;
    int32_t open = 0;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "shape", 1, &want, &n, err));
    const int32_t rank = dli_onnx_rank(x);
    if (n < 2 || n > DLI_ONNX_RANK)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "to %" PRId64 " axes; 2 to %d are supported", n, DLI_ONNX_RANK);
    const bool zero_copies = dli_onnx_attr_i(node, "allowzero", 0) == 0;
    for (int32_t k = 1; k < rank; k++) {
        const int64_t d = dli_onnx_dim(x, k);
        elements = elements < 0 || d < 0 ? -1 : elements * d; /* no overflow: add_vertex checked the product */
    }
    for (int32_t k = 1; k < n; k++) {
        dim[k] = want[k] == 0 && zero_copies && k < rank ? dli_onnx_dim(x, k) : want[k];
        if (dim[k] < 0) {
            if (want[k] == DLI_ONNX_BATCH || open++ > 0)
                return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a shape that leaves two lengths open, or moves the batch");
            dim[k] = -1;
        } else if (dim[k] == 0 || !dli_mul_i64(known, dim[k], &known)) {
            return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId32 " of the new shape has length %" PRId64, k, dim[k]);
        }
    }
    /* The first axis stays the batch where the file says so in any of its ways, or where the others take whole rows. */
    const bool batch = want[0] == DLI_ONNX_BATCH || (want[0] == 0 && zero_copies) || (want[0] > 0 && want[0] == im->batch);
    if (!batch && !(open == 0 && elements == known))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the first axis becomes %" PRId64 " and not the batch, or rows of unknown length",
                        want[0]);
    return emit_reshape(im, node, x, (int32_t)n - 1, dim + 1, err);
}

dl4c_status dli_onnx_squeeze(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    bool marks[DLI_ONNX_RANK + 1];
    int64_t n, dim[DLI_ONNX_RANK];
    int32_t rank = 0, open = 0;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_marked_axes(im, node, 1, dli_onnx_rank(x), marks, &n, err));
    for (int32_t k = 1; k < dli_onnx_rank(x); k++) {
        const int64_t length = dli_onnx_dim(x, k);
        const bool drop = n < 0 ? length == 1 : marks[k];
        if (drop && length != 1)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "axis %" PRId32 " does not have length 1", k);
        if (!drop)
            dim[rank++] = length < 0 ? -1 : length;
        open += !drop && length < 0;
    }
    if ((n >= 0 && marks[0]) || open > 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the batch axis, or an image of unknown size");
    return emit_reshape(im, node, x, rank, dim, err);
}

dl4c_status dli_onnx_unsqueeze(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    const int64_t *axes;
    bool marks[2 * DLI_ONNX_RANK];
    int64_t n, dim[2 * DLI_ONNX_RANK];
    int32_t open = 0;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "axes", 1, &axes, &n, err));
    if (n < 0 || n > DLI_ONNX_RANK - dli_onnx_rank(x))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%" PRId64 " axes more than %" PRId32, n, dli_onnx_rank(x));
    const int32_t rank = dli_onnx_rank(x) + (int32_t)n;
    DLI_TRY(dli_onnx_marked_axes(im, node, 1, rank, marks, &n, err));
    if (marks[0])
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "an axis before the batch");
    for (int32_t k = 1, from = 1; k < rank; k++) {
        const int64_t length = marks[k] ? 1 : dli_onnx_dim(x, from++);
        dim[k - 1] = length < 0 ? -1 : length;
        open += length < 0;
    }
    if (open > 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "an image of unknown size");
    return emit_reshape(im, node, x, rank - 1, dim, err);
}

dl4c_status dli_onnx_transpose(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    const struct dli_onnx_attr *perm = dli_onnx_attr(node, "perm");
    int64_t order[DLI_ONNX_RANK];
    bool seen[DLI_ONNX_RANK] = { false }, same = true;
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    const int32_t rank = dli_onnx_rank(x);
    if (perm && perm->n_ints != (size_t)rank)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "%zu axes are permuted, the tensor has %" PRId32, perm->n_ints, rank);
    for (int32_t k = 0; k < rank; k++) {
        order[k] = perm ? perm->ints[k] : rank - 1 - k;
        if (order[k] < 0 || order[k] >= rank || seen[order[k]])
            return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId64 " in a permutation of %" PRId32, order[k], rank);
        seen[order[k]] = true;
        same = same && order[k] == k;
    }
    if (order[0] != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "it moves the batch axis");
    if (same)
        return dli_onnx_emit(im, node, "identity", &x, 1, NULL, 0, NULL, 0, err);
    /* Between channels first and channels last nothing moves yet: most such transposes meet their inverse. */
    if (rank == 4 && !x->nhwc && order[1] == 2 && order[2] == 3)
        return dli_onnx_alias(im, node, x, true, node->name[0] ? node->name : node->out[0], err);
    if (rank == 4 && x->nhwc && order[1] == 3 && order[2] == 1)
        return dli_onnx_alias(im, node, x, false, NULL, err);
    DLI_TRY(dli_onnx_settle(im, x, err));
    const struct dl4c_attr attr = dl4c_attr_ints("perm", order + 1, rank - 1);
    return dli_onnx_emit(im, node, "transpose", &x, 1, &attr, 1, NULL, 0, err);
}

dl4c_status dli_onnx_concat(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value **in = dli_onnx_new(&im->arena, (size_t)node->n_in + 1, sizeof *in, err);
    bool nhwc = true;
    int32_t axis;
    if (!in)
        return dli_alloc_status();
    for (int32_t k = 0; k < node->n_in; k++) {
        DLI_TRY(dli_onnx_want_vertex(im, node, k, &in[k], err));
        nhwc = nhwc && in[k]->nhwc;
    }
    for (int32_t k = 0; k < node->n_in && !nhwc; k++)
        DLI_TRY(dli_onnx_settle(im, in[k], err));
    DLI_TRY(dli_onnx_axis(dli_onnx_attr_i(node, "axis", 1), dli_onnx_rank(in[0]), &axis, err));
    if (axis == 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "along the batch");
    const struct dl4c_attr attr = dl4c_attr_int("axis", dli_onnx_shape_axis(in[0], axis) + 1);
    return dli_onnx_emit(im, node, "merge", in, node->n_in, &attr, 1, NULL, 0, err);
}

dl4c_status dli_onnx_pad(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    struct dli_onnx_const *c;
    const int64_t *pads, *axes;
    int64_t n, n_axes, begin[DLI_ONNX_RANK] = { 0 }, end[DLI_ONNX_RANK] = { 0 };
    double value = (double)dli_onnx_attr_f(node, "value", 0);
    const char *mode = dli_onnx_attr_s(node, "mode", "constant");
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "pads", 1, &pads, &n, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "", 3, &axes, &n_axes, err));
    const int32_t rank = dli_onnx_rank(x);
    if (strcmp(mode, "constant") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "mode \"%.60s\"; only constant is supported", mode);
    if (dli_onnx_in(im, node, 2)) {
        DLI_TRY(dli_onnx_want_const(im, node, 2, &c, err));
        if (c->count > 0 && !dli_onnx_const_scalar(im, c, &value))
            return dli_fail(err, DL4C_E_INVALID, "onnx", "the value is no number");
    }
    if (value != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a value of %s; only 0 is supported", DLI_NUM(value));
    if (n_axes > rank || n != 2 * (n_axes >= 0 ? n_axes : rank))
        return dli_fail(err, DL4C_E_INVALID, "onnx", "%" PRId64 " pads for %" PRId32 " axes", n, rank);
    bool space_only = rank == 4;
    for (int64_t k = 0; k < n / 2; k++) {
        int32_t axis;
        DLI_TRY(dli_onnx_axis(n_axes >= 0 ? axes[k] : k, rank, &axis, err));
        const int64_t before = pads[k], after = pads[n / 2 + k];
        if (before < 0 || after < 0 || before > 65536 || after > 65536)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "pads of %" PRId64 " and %" PRId64 "; 0 to 65536 are supported", before,
                            after);
        if (axis == 0 && (before || after))
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "of the batch");
        const int32_t at = axis == 0 ? -1 : dli_onnx_shape_axis(x, axis);
        if (at < 0)
            continue;
        begin[at] = before;
        end[at] = after;
        space_only = space_only && (at > 0 || (before == 0 && after == 0));
    }
    if (space_only) {
        const int64_t all[] = { begin[1], end[1], begin[2], end[2] };
        const struct dl4c_attr attr = dl4c_attr_ints("padding", all, 4);
        return dli_onnx_emit(im, node, "zero_padding", &x, 1, &attr, 1, NULL, 0, err);
    }
    const struct dl4c_attr attrs[] = { dl4c_attr_ints("begin", begin, rank - 1), dl4c_attr_ints("end", end, rank - 1) };
    return dli_onnx_emit(im, node, "pad", &x, 1, attrs, 2, NULL, 0, err);
}

dl4c_status dli_onnx_slice(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_value *x;
    struct dli_onnx_range ranges[DLI_ONNX_RANK];
    int64_t dim[DLI_ONNX_RANK], start[DLI_ONNX_RANK], step[DLI_ONNX_RANK], count[DLI_ONNX_RANK];
    DLI_TRY(dli_onnx_want_vertex(im, node, 0, &x, err));
    const int32_t rank = dli_onnx_rank(x);
    for (int32_t k = 0; k < rank; k++)
        dim[k] = dli_onnx_dim(x, k);
    DLI_TRY(dli_onnx_slice_ranges(im, node, rank, dim, ranges, err));
    if (ranges[0].start != 0 || ranges[0].step != 1 || ranges[0].count != DLI_ONNX_BATCH)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "of the batch");
    for (int32_t k = 1; k < rank; k++) {
        const int32_t at = dli_onnx_shape_axis(x, k);
        if (ranges[k].count == 0)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "nothing is left along axis %" PRId32, k);
        start[at] = ranges[k].start;
        step[at] = ranges[k].step;
        count[at] = ranges[k].count < 0 ? -1 : ranges[k].count;
    }
    const struct dl4c_attr attrs[] = { dl4c_attr_ints("start", start, rank - 1), dl4c_attr_ints("step", step, rank - 1),
                                       dl4c_attr_ints("count", count, rank - 1) };
    return dli_onnx_emit(im, node, "slice", &x, 1, attrs, 3, NULL, 0, err);
}
