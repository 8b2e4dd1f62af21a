/* SPDX-License-Identifier: Apache-2.0 */
/* The local file system beyond reading and writing: reading ahead, sums over directories, permissions and times, truncation. */
#define _GNU_SOURCE
#include "fs/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ahead: the kernel is told at once, the bytes are taken from its cache later ---- */

struct local_load {
    int fd;
    size_t size;
    char *bytes; /* NULL before they were waited for */
    char path[]; /* for messages */
};

dl4c_status dli_local_load_start(void *user, const char *authority, const char *path, int64_t size_bytes, int64_t limit_bytes,
                                 void **load, struct dl4c_error *err)
{
    (void)authority;
    struct stat s;
    int fd;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return dli_fail_errno(err, errno, "fs", "cannot open %.300s", path);
    dl4c_status status = DL4C_OK;
    struct local_load *l = NULL;
    if (fstat(fd, &s) != 0)
        status = dli_fail_errno(err, errno, "fs", "cannot look at %.300s", path);
    else if (!S_ISREG(s.st_mode))
        status = dli_fail(err, DL4C_E_INVALID, "fs", "%.300s is no regular file", path);
    else if (s.st_size > limit_bytes || s.st_size >= PTRDIFF_MAX)
        status = dli_fail(err, DL4C_E_LIMIT, "fs", "%.300s has %lld bytes, the limit is %" PRId64, path, (long long)s.st_size, limit_bytes);
    else if (size_bytes >= 0 && s.st_size != size_bytes)
        status = dli_fail(err, DL4C_E_CORRUPT, "fs", "%.300s has %lld bytes, wanted %" PRId64, path, (long long)s.st_size, size_bytes);
    else if (!(l = dli_alloc(user, sizeof *l + strlen(path) + 1, err))) /* the path lies in memory: the sum fits */
        status = dli_alloc_status();
    if (status != DL4C_OK) {
        close(fd);
        return status;
    }
    l->fd = fd;
    l->size = (size_t)s.st_size;
    l->bytes = NULL;
    memcpy(l->path, path, strlen(path) + 1);
    posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED); /* a wish */
    *load = l;
    return DL4C_OK;
}

dl4c_status dli_local_load_wait(void *user, void *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err)
{
    (void)timeout_ms;
    struct local_load *l = load;
    if (!l->bytes) {
        char *to = dli_alloc(user, l->size + 1, err);
        if (!to)
            return dli_alloc_status();
        for (size_t done = 0; done < l->size;) {
            const ssize_t n = pread(l->fd, to + done, l->size - done, (off_t)done);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                dli_free(to);
                return n < 0 ? dli_fail_errno(err, errno, "fs", "cannot read %.300s", l->path)
                             : dli_fail(err, DL4C_E_CORRUPT, "fs", "%.300s ends at %zu although it had %zu bytes when it was opened",
                                        l->path, done, l->size);
            }
            done += (size_t)n;
        }
        l->bytes = to;
    }
    *bytes = l->bytes;
    *size = l->size;
    return DL4C_OK;
}

void dli_local_load_end(void *user, void *load)
{
    (void)user;
    struct local_load *l = load;
    close(l->fd);
    dli_free(l->bytes);
    dli_free(l);
}

/* ---- sums ---- */

static void add(struct dl4c_fs_summary *to, const struct stat *s)
{
    to->space_bytes += (int64_t)s->st_blocks * 512; /* POSIX's unit, whatever the disk's is */
    if (S_ISDIR(s->st_mode)) {
        to->n_directories++;
    } else {
        to->n_files++;
        to->size_bytes += S_ISREG(s->st_mode) ? s->st_size : 0;
    }
}

struct summed {
    struct dl4c_fs_summary *to;
    const char *name; /* of the directory, for messages */
    int depth;
};

/* Links are counted and not followed: no tree is endless. */
static dl4c_status add_entry(void *arg, int dir, const char *entry, struct dl4c_error *err)
{
    const struct summed *of = arg;
    struct stat s;
    if (fstatat(dir, entry, &s, AT_SYMLINK_NOFOLLOW) != 0)
        return DL4C_OK; /* removed just now */
    add(of->to, &s);
    if (!S_ISDIR(s.st_mode))
        return DL4C_OK;
    struct summed inner = { of->to, entry, of->depth + 1 };
    const int below = openat(dir, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return below < 0 ? dli_fail_errno(err, errno, "fs", "cannot list %.200s in %.200s", entry, of->name)
                     : dli_local_each(below, entry, inner.depth, add_entry, &inner, err);
}

dl4c_status dli_local_summarize(void *user, const char *authority, const char *path, struct dl4c_fs_summary *out, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    struct stat s;
    if (stat(path, &s) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot look at %.300s", path);
    add(out, &s);
    if (!S_ISDIR(s.st_mode))
        return DL4C_OK;
    struct summed all = { out, path, 0 };
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? dli_fail_errno(err, errno, "fs", "cannot list %.300s", path) : dli_local_each(fd, path, 0, add_entry, &all, err);
}

/* ---- changes ---- */

static struct timespec moment(int64_t ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms < 0 ? UTIME_OMIT : ms % 1000 * 1000000 };
    return t;
}

dl4c_status dli_local_change(void *user, const char *authority, const char *path, const struct dl4c_fs_change *change,
                             struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    if (change->what & (DL4C_FS_CHANGE_OWNER | DL4C_FS_CHANGE_REPLICATION))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "fs", "%.300s: local files get neither another owner nor copies here", path);
    if ((change->what & DL4C_FS_CHANGE_MODE) && chmod(path, (mode_t)change->mode) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot change the permissions of %.300s", path);
    if (change->what & DL4C_FS_CHANGE_TIMES) {
        const struct timespec times[2] = { moment(change->atime_ms), moment(change->mtime_ms) };
        if (utimensat(AT_FDCWD, path, times, 0) != 0)
            return dli_fail_errno(err, errno, "fs", "cannot change the times of %.300s", path);
    }
    return DL4C_OK;
}

dl4c_status dli_local_truncate(void *user, const char *authority, const char *path, int64_t size_bytes, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    struct stat s;
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return dli_fail_errno(err, errno, "fs", "cannot open %.300s", path);
    dl4c_status status = DL4C_OK;
    if (fstat(fd, &s) != 0)
        status = dli_fail_errno(err, errno, "fs", "cannot look at %.300s", path);
    else if (!S_ISREG(s.st_mode) || s.st_size < size_bytes)
        status = dli_fail(err, DL4C_E_INVALID, "fs", "%.300s has %lld bytes and cannot be cut to %" PRId64, path, (long long)s.st_size,
                          size_bytes);
    else if (ftruncate(fd, size_bytes) != 0)
        status = dli_fail_errno(err, errno, "fs", "cannot cut %.300s", path);
    close(fd);
    return status;
}
