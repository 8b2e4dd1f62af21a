/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold secrets: of the local file system, and nobody else's to read. */
#define _GNU_SOURCE
#include "fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static dl4c_status load(dl4c_context *ctx, int fd, const char *path, int64_t limit, char **bytes, size_t *size, struct dl4c_error *err)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot look at %.300s", path);
    if (!S_ISREG(s.st_mode) || (s.st_mode & 077) != 0)
        return dli_fail(err, DL4C_E_DENIED, "fs", "%.300s has mode %04o, but holds a secret: a file of mode 0600 is wanted", path,
                        (unsigned)(s.st_mode & 07777));
    if (s.st_size > limit)
        return dli_fail(err, DL4C_E_LIMIT, "fs", "%.300s has %" PRId64 " bytes, the limit is %" PRId64, path, (int64_t)s.st_size, limit);
    const size_t n = (size_t)s.st_size;
    size_t at = 0;
    char *text = dli_alloc(ctx, n + 1, err);
    if (!text)
        return dli_alloc_status();
    while (at < n) {
        const ssize_t got = read(fd, text + at, n - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            dli_free(text);
            return got < 0 ? dli_fail_errno(err, errno, "fs", "cannot read %.300s", path)
                           : dli_fail(err, DL4C_E_IO, "fs", "%.300s became shorter while it was read", path);
        }
        at += (size_t)got;
    }
    text[n] = '\0';
    *bytes = text;
    *size = n;
    return DL4C_OK;
}

dl4c_status dli_fs_load_private(dl4c_context *ctx, const char *path, int64_t limit, char **bytes, size_t *size, struct dl4c_error *err)
{
    *bytes = NULL;
    *size = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return dli_fail_errno(err, errno, "fs", "cannot open %.300s", path);
    const dl4c_status status = load(ctx, fd, path, limit, bytes, size, err);
    close(fd);
    return status;
}
