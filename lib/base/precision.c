/* SPDX-License-Identifier: Apache-2.0 */
/* Precisions by name, and which of them this CPU offers. */
#include "base/cpu.h"
#include "base/error.h"

#include <string.h>

static const char *const names[] = {
    [DL4C_PRECISION_F32] = "f32",
    [DL4C_PRECISION_BF16_WEIGHTS] = "bf16-weights",
    [DL4C_PRECISION_BF16] = "bf16",
    [DL4C_PRECISION_INT8_WEIGHTS] = "int8-weights",
};
enum { COUNT = sizeof names / sizeof *names };

const char *dl4c_precision_name(int32_t precision) { return precision >= 0 && precision < COUNT ? names[precision] : NULL; }

dl4c_status dl4c_precision_find(const char *name, int32_t *precision, struct dl4c_error *err)
{
    if (!name || !precision)
        return dli_fail(err, DL4C_E_INVALID, "precision", "NULL was passed");
    for (int32_t i = 0; i < COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            *precision = i;
            return DL4C_OK;
        }
    return dli_fail(err, DL4C_E_INVALID, "precision", "'%.100s' is no precision; f32, bf16-weights, bf16 and int8-weights are", name);
}

dl4c_status dl4c_precision_check(int32_t precision, struct dl4c_error *err)
{
    if (!dl4c_precision_name(precision))
        return dli_fail(err, DL4C_E_INVALID, "precision", "%" PRId32 " is no precision", precision);
    if (precision == DL4C_PRECISION_BF16 && !(dli_cpu_flags() & DLI_CPU_AVX512_BF16))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "precision",
                        "bf16 needs a CPU with AVX512-BF16, and %s is what runs here; bf16-weights runs on every CPU",
                        dli_cpu_level());
    return DL4C_OK;
}
