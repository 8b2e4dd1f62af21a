/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Which operators exist and what attributes they take: introspection for bindings, generators and documentation.
 *
 * Since 0.1 where a function does not say.
 */
#ifndef DL4C_OP_H
#define DL4C_OP_H

#include <dl4c/base.h>

DL4C_BEGIN

enum {
    DL4C_ATTR_INT = 1,   /**< v.i */
    DL4C_ATTR_FLOAT = 2, /**< v.f */
    DL4C_ATTR_STR = 3,   /**< v.s; accepted for every other type too, as text: "3x3", "0.5" */
    DL4C_ATTR_INTS = 4,  /**< v.is, count of them; as text joined by x: "3x3" */
    DL4C_ATTR_FLOATS = 5 /**< v.fs, count of them; as text joined by ';': "0.5;1" */
};

/** One attribute with its value. Borrowed during the call it is passed to. Layout frozen. */
struct dl4c_attr {
    const char *name;
    int32_t type;  /**< one of DL4C_ATTR_* */
    int32_t count; /**< elements of v.is or v.fs, else 1 */
    union {
        int64_t i;
        double f;
        const char *s;
        const int64_t *is;
        const double *fs;
    } v;
};

/** An attribute with a whole number. */
static inline struct dl4c_attr dl4c_attr_int(const char *name, int64_t value)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_INT;
    a.count = 1;
    a.v.i = value;
    return a;
}
/** An attribute with a number. */
static inline struct dl4c_attr dl4c_attr_float(const char *name, double value)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_FLOAT;
    a.count = 1;
    a.v.f = value;
    return a;
}
/** An attribute with text, which is borrowed. */
static inline struct dl4c_attr dl4c_attr_str(const char *name, const char *value)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_STR;
    a.count = 1;
    a.v.s = value;
    return a;
}
/** An attribute with @p count whole numbers, which are borrowed. */
static inline struct dl4c_attr dl4c_attr_ints(const char *name, const int64_t *values, int32_t count)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_INTS;
    a.count = count;
    a.v.is = values;
    return a;
}
/** An attribute with @p count numbers, which are borrowed. */
static inline struct dl4c_attr dl4c_attr_floats(const char *name, const double *values, int32_t count)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_FLOATS;
    a.count = count;
    a.v.fs = values;
    return a;
}

/** What can be described by name and attributes. */
enum {
    DL4C_KIND_OP = 0,
    DL4C_KIND_UPDATER = 1,
    DL4C_KIND_SCHEDULE = 2,
    DL4C_KIND_LOSS = 3,
    DL4C_KIND_PREPROCESS = 4,
    DL4C_KIND_CONSTRAINT = 5
};

/** What a descriptor says of itself. Filled by dl4c_descriptor_get; all text is static. */
struct dl4c_descriptor {
    size_t struct_size;
    const char *name;
    const char *doc;    /**< one sentence */
    int32_t min_inputs; /**< operators only */
    int32_t max_inputs; /**< operators only; -1: any number */
    int32_t n_attrs;
    int32_t trainable; /**< 1: has parameters of its own and takes the attributes common to all layers */
};
#define DL4C_DESCRIPTOR_INIT { sizeof(struct dl4c_descriptor), 0, 0, 0, 0, 0, 0 }

/** What an attribute is: filled by dl4c_descriptor_attr; all text is static. */
struct dl4c_attr_info {
    size_t struct_size;
    const char *name;
    const char *doc;
    int32_t type;     /**< DL4C_ATTR_* */
    int32_t count;    /**< elements of INTS and FLOATS, 0: any number up to 8 */
    int32_t required; /**< 1: has no default */
    int32_t n_choices;
    const char *const *choices; /**< the words a STR may be, NULL: free text */
    double min, max;            /**< of numbers, inclusive */
    double def;                 /**< default of numbers; of a list whose numbers differ the first */
    const char *def_text;       /**< default of STR, and of a list whose numbers differ: "0.5;1"; NULL: none */
};
#define DL4C_ATTR_INFO_INIT { sizeof(struct dl4c_attr_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** How many descriptors of a kind (DL4C_KIND_*) there are. Threads: safe. */
DL4C_API int32_t dl4c_descriptor_count(int32_t kind);
/** Descriptor @p i of a kind, in the order of their names, preprocessing in that of dl4c_preprocess_get. DL4C_E_INVALID: out of range.
 *  Threads: safe. */
DL4C_API dl4c_status dl4c_descriptor_get(int32_t kind, int32_t i, struct dl4c_descriptor *out, struct dl4c_error *err);
/** Attribute @p a of descriptor @p i; those common to all layers follow the operator's own. Threads: safe. */
DL4C_API dl4c_status dl4c_descriptor_attr(int32_t kind, int32_t i, int32_t a, struct dl4c_attr_info *out, struct dl4c_error *err);

DL4C_END
#endif
