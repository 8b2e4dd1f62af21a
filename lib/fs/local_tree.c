/* SPDX-License-Identifier: Apache-2.0 */
/* Whole trees of the local file system. */
#define _GNU_SOURCE
#include "fs/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool dli_local_identify(const char *path, struct dli_local_id *out)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return false;
    *out = (struct dli_local_id){ (uint64_t)s.st_dev, (uint64_t)s.st_ino };
    return true;
}

dl4c_status dli_local_sync(const char *path, struct dl4c_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return dli_fail_errno(err, errno, "fs", "cannot open %.300s", path);
    const int errnum = syncfs(fd) == 0 ? 0 : errno;
    close(fd);
    return errnum ? dli_fail_errno(err, errnum, "fs", "what was copied to %.300s may not be on the disk", path) : DL4C_OK;
}

dl4c_status dli_local_each(int fd, const char *name, int depth, dli_local_entry_fn fn, void *arg, struct dl4c_error *err)
{
    enum { MOST_DEPTH = 256 }; /* each holds a descriptor */
    DIR *dir = depth < MOST_DEPTH ? fdopendir(fd) : NULL;
    if (!dir) {
        const int errnum = depth < MOST_DEPTH ? errno : ELOOP;
        close(fd);
        return dli_fail_errno(err, errnum, "fs", "cannot list %.300s", name);
    }
    dl4c_status status = DL4C_OK;
    while (status == DL4C_OK) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d) {
            if (errno)
                status = dli_fail_errno(err, errno, "fs", "cannot list %.300s", name);
            break;
        }
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            status = fn(arg, dirfd(dir), d->d_name, err);
    }
    closedir(dir);
    return status;
}

/* ---- removal ---- */

struct emptied {
    const char *name; /* of the directory, for messages */
    int depth;
};

/* Through descriptors: what is removed is below the directory whatever is renamed meanwhile. */
static dl4c_status remove_entry(void *arg, int dir, const char *entry, struct dl4c_error *err)
{
    const struct emptied *from = arg;
    int flags = 0;
    if (dl4c_fs_cancelled())
        return dli_fail(err, DL4C_E_CANCELLED, "fs", "cancelled while %.300s was removed", from->name);
    const int below = openat(dir, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (below >= 0) {
        struct emptied inner = { entry, from->depth + 1 };
        DLI_TRY(dli_local_each(below, entry, inner.depth, remove_entry, &inner, err));
        flags = AT_REMOVEDIR;
    } else if (errno != ENOTDIR && errno != ELOOP) {
        struct stat s; /* a directory that may not be read: it can still go where it is empty */
        if (fstatat(dir, entry, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(s.st_mode))
            flags = AT_REMOVEDIR;
    }
    if (unlinkat(dir, entry, flags) != 0 && errno != ENOENT)
        return dli_fail_errno(err, errno, "fs", "cannot remove %.200s in %.200s", entry, from->name);
    return DL4C_OK;
}

static dl4c_status remove_path(const char *path, struct dl4c_error *err)
{
    struct stat s, root;
    if (lstat(path, &s) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot remove %.300s", path);
    if (S_ISDIR(s.st_mode)) {
        if (stat("/", &root) == 0 && root.st_dev == s.st_dev && root.st_ino == s.st_ino)
            return dli_fail(err, DL4C_E_INVALID, "fs", "%.300s is the root, which is not removed", path);
        struct emptied all = { path, 0 };
        const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            DLI_TRY(dli_local_each(fd, path, 0, remove_entry, &all, err));
    }
    if ((S_ISDIR(s.st_mode) ? rmdir(path) : unlink(path)) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot remove %.300s", path);
    return DL4C_OK;
}

dl4c_status dli_local_remove_all(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    (void)authority;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') /* with a slash behind it a link would stand for what it points to */
        n--;
    char *name = dli_strndup(user, path, n, err);
    const dl4c_status status = name ? remove_path(name, err) : dli_alloc_status();
    dli_free(name);
    return status;
}
