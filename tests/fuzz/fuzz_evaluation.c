/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of Deeplearning4j's Evaluation and of its measures by column: what is read can be printed, and its JSON be read again. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void expect(bool ok)
{
    if (!ok)
        abort();
}

static void evaluation(const char *text, size_t size)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_evaluation *e = NULL, *again = NULL;
    char *out = NULL;
    const dl4c_status status = dl4c_evaluation_from_dl4j(fuzz_context(), text, size, &e, &err);
    fuzz_check(status, e, &err);
    if (e && dl4c_evaluation_classes(e) <= 64) {
        expect(dl4c_evaluation_stats(e, DL4C_STATS_ANY_CONFUSION, &out, NULL) == DL4C_OK);
        dl4c_free(out);
        expect(dl4c_evaluation_json(e, &out, NULL) == DL4C_OK);
        dl4c_free(out);
    }
    /* Deeplearning4j's arrays are as long as a class has examples: a count in the text may ask for more text than there is memory */
    if (e && dl4c_evaluation_count(e) <= 100000 && dl4c_evaluation_dl4j_json(e, &out, NULL) == DL4C_OK) {
        /* without examples and names Deeplearning4j's JSON says nothing of classes */
        const bool told = dl4c_evaluation_from_dl4j(NULL, out, strlen(out), &again, NULL) == DL4C_OK;
        expect(told || dl4c_evaluation_count(e) == 0);
        expect(!told || dl4c_evaluation_count(again) == dl4c_evaluation_count(e));
        dl4c_free(out);
    }
    dl4c_evaluation_destroy(&again);
    dl4c_evaluation_destroy(&e);
}

static void measure(const char *text, size_t size)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_measure *m = NULL, *again = NULL;
    char *out = NULL, *twice = NULL;
    const dl4c_status status = dl4c_measure_from_dl4j(fuzz_context(), text, size, &m, &err);
    fuzz_check(status, m, &err);
    if (m) {
        expect(dl4c_measure_stats(m, &out, NULL) == DL4C_OK);
        dl4c_free(out);
        expect(dl4c_measure_dl4j_json(m, &out, NULL) == DL4C_OK);
        if (dl4c_measure_from_dl4j(NULL, out, strlen(out), &again, NULL) == DL4C_OK) { /* not one without data and names */
            expect(dl4c_measure_dl4j_json(again, &twice, NULL) == DL4C_OK);
            expect(strcmp(out, twice) == 0);
            dl4c_free(twice);
        }
        dl4c_free(out);
    }
    dl4c_measure_destroy(&again);
    dl4c_measure_destroy(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1); /* its end is the memory's */
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, bytes, size);
    evaluation(text, size);
    fuzz_balanced(size, 8192, 256 << 20);
    measure(text, size);
    fuzz_balanced(size, 8192, 256 << 20);
    free(text);
    return 0;
}
