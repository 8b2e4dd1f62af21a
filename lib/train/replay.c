/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of workers that a record names. */
#include "train/replay.h"
#include "base/alloc.h"
#include "fs/fs.h"

#include <jansson.h>
#include <string.h>

enum { MOST_WORKERS = 4096, MOST_BYTES = 1 << 28 };

struct change {
    int64_t round; /* from which on ... */
    int32_t workers;
};

struct dli_replay {
    int32_t n, room;
    struct change *changes; /* rounds rise */
};

void dli_replay_free(struct dli_replay **replay)
{
    if (!*replay)
        return;
    dli_free((*replay)->changes);
    dli_free(*replay);
    *replay = NULL;
}

/* A later event of the same or an earlier round counts: a training that went on from a checkpoint does its rounds again. */
static dl4c_status add(dl4c_context *ctx, struct dli_replay *r, int64_t round, int32_t workers, struct dl4c_error *err)
{
    while (r->n > 0 && r->changes[r->n - 1].round >= round)
        r->n--;
    if (r->n == r->room) {
        const int32_t room = r->room ? 2 * r->room : 16;
        struct change *more = dli_realloc(ctx, r->changes, (size_t)room * sizeof *more, err);
        if (!more)
            return dli_alloc_status();
        r->changes = more;
        r->room = room;
    }
    r->changes[r->n++] = (struct change){ round, workers };
    return DL4C_OK;
}

static dl4c_status read_line(dl4c_context *ctx, struct dli_replay *r, const char *line, size_t size, int64_t number, struct dl4c_error *err)
{
    json_t *o = json_loadb(line, size, 0, NULL);
    const json_t *workers = json_object_get(o, "workers"), *round = json_object_get(o, "round");
    dl4c_status status = DL4C_OK;
    if (!json_is_object(o) || (workers && (json_integer_value(workers) < 1 || json_integer_value(workers) > MOST_WORKERS ||
                                           json_integer_value(round) < 1)))
        status = dli_fail(err, DL4C_E_CORRUPT, "replay", "line %" PRId64 " of events.jsonl is no event of a training", number);
    else if (workers)
        status = add(ctx, r, json_integer_value(round), (int32_t)json_integer_value(workers), err);
    json_decref(o);
    return status;
}

static dl4c_status read_lines(dl4c_context *ctx, struct dli_replay *r, const char *text, size_t size, struct dl4c_error *err)
{
    int64_t number = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        if (!end) /* a last line without its end was being written */
            break;
        DLI_TRY(read_line(ctx, r, text + at, (size_t)(end - text) - at, ++number, err));
        at = (size_t)(end - text) + 1;
    }
    return r->n > 0 ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "replay", "its events name no workers");
}

dl4c_status dli_replay_read(dl4c_context *ctx, const char *run_dir, struct dli_replay **replay, int32_t *most, struct dl4c_error *err)
{
    char *uri = NULL, *text = NULL;
    size_t size = 0;
    *most = 0;
    *replay = dli_calloc(ctx, 1, sizeof **replay, err);
    if (!*replay)
        return dli_alloc_status();
    dl4c_status status = dli_uri_join(ctx, run_dir, "events.jsonl", &uri, err);
    if (status == DL4C_OK)
        status = dli_fs_load(ctx, uri, MOST_BYTES, &text, &size, err);
    if (status == DL4C_OK && (status = read_lines(ctx, *replay, text, size, err)) != DL4C_OK)
        dli_fail_prefix(err, status, "%.200s", run_dir);
    for (int32_t i = 0; status == DL4C_OK && i < (*replay)->n; i++)
        *most = (*replay)->changes[i].workers > *most ? (*replay)->changes[i].workers : *most;
    dli_free(text);
    dli_free(uri);
    if (status != DL4C_OK)
        dli_replay_free(replay);
    return status;
}

int32_t dli_replay_workers(const struct dli_replay *r, int64_t round)
{
    int32_t workers = r->changes[0].workers;
    for (int32_t i = 0; i < r->n && r->changes[i].round <= round; i++)
        workers = r->changes[i].workers;
    return workers;
}
