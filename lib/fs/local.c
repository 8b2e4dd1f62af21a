/* SPDX-License-Identifier: Apache-2.0 */
/* The local file system: POSIX calls, retried where a signal came between. */
#define _GNU_SOURCE
#include "base/strbuf.h"
#include "fs/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below this a copy is as fast as a mapping, and a file cut short by somebody else is an error instead of SIGBUS. */
enum { MAP_FROM = 64 * 1024 };
/* Small writes are gathered. */
enum { GATHER = 64 * 1024 };
/* What the kernel gets at a time. For more it takes larger pages, which a virtual machine may first have to get from its host: a gigabyte
 * took 2.9 s of processor in writes of 768 KiB, 0.6 s in these. */
enum { PIECE = 16 * 1024 };

struct local_file {
    int fd;
    int64_t size;
    void *map;
    char path[]; /* for messages */
};

static int close_quietly(int fd)
{
    /* On Linux the descriptor is gone after EINTR too. */
    return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

static const char *kind_name(mode_t mode)
{
    return S_ISDIR(mode) ? "a directory" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static dl4c_status local_open_read(void *user, const char *authority, const char *path, void **file, int64_t *size_bytes,
                                   struct dl4c_error *err)
{
    (void)authority;
    struct stat s;
    int fd;
    do /* O_NONBLOCK: opening a pipe that nobody writes would wait for ever; regular files do not care */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return dli_fail_errno(err, errno, "fs", "cannot open %.300s", path);
    dl4c_status status = DL4C_OK;
    struct local_file *f = NULL;
    if (fstat(fd, &s) != 0)
        status = dli_fail_errno(err, errno, "fs", "cannot look at %.300s", path);
    else if (!S_ISREG(s.st_mode))
        status = dli_fail(err, DL4C_E_INVALID, "fs", "%.300s is %s, wanted a regular file", path, kind_name(s.st_mode));
    else if (!(f = dli_alloc(user, sizeof *f + strlen(path) + 1, err))) /* the path lies in memory: the sum fits */
        status = dli_alloc_status();
    if (status != DL4C_OK) {
        close_quietly(fd);
        return status;
    }
    f->fd = fd;
    f->size = s.st_size;
    f->map = NULL;
    memcpy(f->path, path, strlen(path) + 1);
    *file = f;
    *size_bytes = f->size;
    return DL4C_OK;
}

static dl4c_status local_read_at(void *user, void *file, int64_t offset, void *buffer, size_t size, size_t *got, struct dl4c_error *err)
{
    (void)user;
    const struct local_file *f = file;
    *got = 0;
    while (*got < size) {
        const size_t rest = size - *got, most = (size_t)1 << 30;
        const ssize_t n = pread(f->fd, (char *)buffer + *got, rest < most ? rest : most, (off_t)(offset + (int64_t)*got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dli_fail_errno(err, errno, "fs", "cannot read %.300s at %" PRId64, f->path, offset + (int64_t)*got);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return DL4C_OK;
}

static dl4c_status local_map(void *user, void *file, const void **bytes, size_t *size, struct dl4c_error *err)
{
    (void)user;
    struct local_file *f = file;
    if (!f->map) {
        struct stat s;
        if (f->size < MAP_FROM)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "fs", "%.300s is small: it is read", f->path);
        if (fstat(f->fd, &s) != 0)
            return dli_fail_errno(err, errno, "fs", "cannot look at %.300s", f->path);
        if (s.st_size < f->size) /* touching pages behind the end is SIGBUS */
            return dli_fail(err, DL4C_E_CORRUPT, "fs", "%.300s has %lld bytes although it had %" PRId64 " when it was opened", f->path,
                            (long long)s.st_size, f->size);
        void *map = mmap(NULL, (size_t)f->size, PROT_READ, MAP_PRIVATE, f->fd, 0);
        if (map == MAP_FAILED)
            return errno == ENODEV || errno == EACCES ? dli_fail(err, DL4C_E_UNSUPPORTED, "fs", "%.300s cannot be mapped", f->path)
                                                      : dli_fail_errno(err, errno, "fs", "cannot map %.300s", f->path);
        f->map = map;
    }
    *bytes = f->map;
    *size = (size_t)f->size;
    return DL4C_OK;
}

void dli_fs_local_forget(void *file, size_t offset, size_t size)
{
    const struct local_file *f = file;
    const long page_size = sysconf(_SC_PAGESIZE);
    if (!f->map || page_size < 1 || size > (size_t)f->size || offset > (size_t)f->size - size)
        return;
    const size_t page = (size_t)page_size, from = (offset + page - 1) / page * page, to = (offset + size) / page * page;
    if (from < to)
        madvise((char *)f->map + from, to - from, MADV_DONTNEED); /* a wish: nothing was ever written to these pages */
}

static void local_close_read(void *user, void *file)
{
    (void)user;
    struct local_file *f = file;
    if (f->map)
        munmap(f->map, (size_t)f->size);
    close_quietly(f->fd);
    dli_free(f);
}

/* ---- writing ---- */

struct local_writer {
    int fd;
    bool no_sync;
    size_t gathered;
    char *path, *temporary; /* the temporary name lies in the same directory, so that the rename is one step */
    char bytes[GATHER];
};

/* Bytes of path before its last component: "a/b" has 2, "b" has 0. */
static size_t directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static void free_writer(struct local_writer *w)
{
    dli_free(w->path);
    dli_free(w->temporary);
    dli_free(w);
}

/* ".NAME.XXXXXX": NAME is shortened where the whole would not fit in a directory entry. */
static dl4c_status open_temporary(struct local_writer *w, size_t directory, struct dl4c_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    char *random = w->temporary + strlen(w->temporary) - 6;
    for (int attempt = 0; attempt < 100; attempt++) {
        uint8_t bits[6];
        if (getrandom(bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits) { /* O_EXCL decides: it need not be a good one */
            const uintptr_t mix = (uintptr_t)w / 64 * 2654435761u + (uintptr_t)getpid() * 40503u + (uintptr_t)attempt;
            memcpy(bits, &mix, sizeof bits);
        }
        for (int i = 0; i < 6; i++)
            random[i] = letters[bits[i] % 32];
        do /* 0666: the umask takes away what the host wants taken away */
            w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
        while (w->fd < 0 && errno == EINTR);
        if (w->fd >= 0)
            return DL4C_OK;
        if (errno != EEXIST)
            return dli_fail_errno(err, errno, "fs", "cannot create %.300s", w->path);
    }
    return dli_fail(err, DL4C_E_EXISTS, "fs", "cannot create %.300s: no temporary name in %.*s is free", w->path, (int)directory, w->path);
}

static dl4c_status local_create(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err)
{
    (void)authority;
    struct stat s;
    const size_t directory = directory_length(path), length = strlen(path), name = length - directory;
    if (name == 0 || strcmp(path + directory, ".") == 0 || strcmp(path + directory, "..") == 0)
        return dli_fail(err, DL4C_E_INVALID, "fs", "%.300s names a directory, wanted a file to write", path);
    if (stat(path, &s) == 0 && !S_ISREG(s.st_mode)) /* a rename would put a file in the place of a device */
        return dli_fail(err, DL4C_E_INVALID, "fs", "%.300s is %s, wanted a regular file or nothing", path, kind_name(s.st_mode));
    struct local_writer *w = dli_alloc(user, sizeof *w, err);
    if (!w)
        return dli_alloc_status();
    w->fd = -1;
    w->no_sync = false;
    w->gathered = 0;
    w->temporary = NULL;
    w->path = dli_strdup(user, path, err);
    const size_t shown = name < 240 ? name : 240;
    if (w->path)
        w->temporary = dli_alloc(user, directory + 1 + shown + 7 + 1, err);
    dl4c_status status = w->temporary ? DL4C_OK : dli_alloc_status();
    if (status == DL4C_OK) {
        snprintf(w->temporary, directory + 1 + shown + 7 + 1, "%.*s.%.*s.XXXXXX", (int)directory, path, (int)shown, path + directory);
        status = open_temporary(w, directory, err);
    }
    if (status != DL4C_OK) {
        free_writer(w);
        return status;
    }
    *file = w;
    return DL4C_OK;
}

void dli_local_no_sync(void *file) { ((struct local_writer *)file)->no_sync = true; }

static dl4c_status put(int fd, const char *path, const void *bytes, size_t size, struct dl4c_error *err)
{
    for (size_t done = 0; done < size;) {
        const size_t rest = size - done;
        const ssize_t n = write(fd, (const char *)bytes + done, rest < PIECE ? rest : PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return dli_fail_errno(err, n < 0 ? errno : EIO, "fs", "cannot write %.300s", path);
        done += (size_t)n;
    }
    return DL4C_OK;
}

static dl4c_status local_write(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err)
{
    (void)user;
    struct local_writer *w = file;
    if (size < GATHER - w->gathered) {
        memcpy(w->bytes + w->gathered, bytes, size);
        w->gathered += size;
        return DL4C_OK;
    }
    DLI_TRY(put(w->fd, w->path, w->bytes, w->gathered, err));
    w->gathered = 0;
    if (size >= GATHER)
        return put(w->fd, w->path, bytes, size, err);
    memcpy(w->bytes, bytes, size);
    w->gathered = size;
    return DL4C_OK;
}

static dl4c_status local_append(void *user, const char *authority, const char *path, const void *bytes, size_t size, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    struct stat s;
    int fd;
    do /* as for reading, nobody waits for a pipe */
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return dli_fail_errno(err, errno, "fs", "cannot append to %.300s", path);
    dl4c_status status = DL4C_OK;
    if (fstat(fd, &s) != 0)
        status = dli_fail_errno(err, errno, "fs", "cannot look at %.300s", path);
    else if (!S_ISREG(s.st_mode))
        status = dli_fail(err, DL4C_E_INVALID, "fs", "%.300s is %s, wanted a regular file", path, kind_name(s.st_mode));
    else
        status = put(fd, path, bytes, size, err);
    const int errnum = close_quietly(fd);
    if (status == DL4C_OK && errnum)
        status = dli_fail_errno(err, errnum, "fs", "cannot write %.300s", path);
    return status;
}

static int open_directory(const char *path)
{
    int fd;
    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Makes a changed directory durable. Some file systems know no such thing; one that cannot be opened for reading is left alone. */
static int sync_directory(const char *path)
{
    char name[4096];
    const size_t n = directory_length(path);
    if (n >= sizeof name)
        return 0;
    memcpy(name, n ? path : ".", n ? n : 1);
    name[n ? n : 1] = '\0';
    const int fd = open_directory(name);
    if (fd < 0)
        return 0;
    int done;
    do
        done = fsync(fd);
    while (done != 0 && errno == EINTR);
    const int errnum = done == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP ? 0 : errno;
    close_quietly(fd);
    return errnum;
}

static dl4c_status local_commit(void *user, void *file, struct dl4c_error *err)
{
    (void)user;
    struct local_writer *w = file;
    dl4c_status status = put(w->fd, w->path, w->bytes, w->gathered, err);
    int done;
    do
        done = status == DL4C_OK && !w->no_sync ? fsync(w->fd) : 0;
    while (done != 0 && errno == EINTR);
    if (done != 0)
        status = dli_fail_errno(err, errno, "fs", "cannot write %.300s", w->path);
    const int errnum = close_quietly(w->fd); /* network file systems report a full disk here */
    if (status == DL4C_OK && errnum)
        status = dli_fail_errno(err, errnum, "fs", "cannot write %.300s", w->path);
    if (status == DL4C_OK && rename(w->temporary, w->path) != 0)
        status = dli_fail_errno(err, errno, "fs", "cannot give %.300s its name", w->path);
    if (status != DL4C_OK) {
        unlink(w->temporary);
    } else {
        const int why = w->no_sync ? 0 : sync_directory(w->path);
        if (why)
            status = dli_fail_errno(err, why, "fs", "%.300s is written but its directory may forget it", w->path);
    }
    free_writer(w);
    return status;
}

static void local_abandon(void *user, void *file)
{
    (void)user;
    struct local_writer *w = file;
    close_quietly(w->fd);
    unlink(w->temporary);
    free_writer(w);
}

/* ---- names ---- */

static void fill_stat(const struct stat *s, struct dl4c_fs_stat *out)
{
    out->struct_size = sizeof *out;
    out->kind = S_ISREG(s->st_mode) ? DL4C_FS_FILE : S_ISDIR(s->st_mode) ? DL4C_FS_DIRECTORY : DL4C_FS_OTHER;
    out->reserved = 0;
    out->mode = (int32_t)(s->st_mode & 07777);
    out->atime_ms = (int64_t)s->st_atim.tv_sec * 1000 + s->st_atim.tv_nsec / 1000000;
    out->size_bytes = S_ISREG(s->st_mode) ? s->st_size : 0;
    out->mtime_ms = (int64_t)s->st_mtim.tv_sec * 1000 + s->st_mtim.tv_nsec / 1000000;
}

static dl4c_status local_stat(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    struct stat s;
    if (stat(path, &s) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot look at %.300s", path);
    fill_stat(&s, out);
    return DL4C_OK;
}

static dl4c_status local_list(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    const int fd = open_directory(path);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        const int errnum = errno;
        if (fd >= 0)
            close_quietly(fd);
        return dli_fail_errno(err, errnum, "fs", "cannot list %.300s", path);
    }
    dl4c_status status = DL4C_OK;
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d) {
            if (errno)
                status = dli_fail_errno(err, errno, "fs", "cannot list %.300s", path);
            break;
        }
        struct dl4c_fs_stat out = { .struct_size = sizeof out, .kind = DL4C_FS_OTHER };
        struct stat s;
        if (fstatat(dirfd(dir), d->d_name, &s, 0) == 0) /* else a link to nothing, or removed just now */
            fill_stat(&s, &out);
        if (fn(arg, d->d_name, &out) != 0)
            break;
    }
    closedir(dir);
    return status;
}

static dl4c_status local_mkdir(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    (void)authority;
    struct stat s;
    char *copy = dli_strdup(user, path, err);
    if (!copy)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (char *p = copy + 1; status == DL4C_OK; p++) {
        if (*p && *p != '/')
            continue;
        const char end = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0) {
            const int errnum = errno; /* EEXIST, or EROFS and EACCES for one that exists: looking tells */
            if (stat(copy, &s) != 0)
                status = dli_fail_errno(err, errnum, "fs", "cannot make the directory %.300s", copy);
            else if (!S_ISDIR(s.st_mode))
                status = dli_fail(err, DL4C_E_EXISTS, "fs", "cannot make the directory %.200s: %.200s exists and is none", path, copy);
        }
        *p = end;
        if (!end)
            break;
    }
    dli_free(copy);
    return status;
}

static dl4c_status local_rename(void *user, const char *authority, const char *from, const char *to, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    if (rename(from, to) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot rename %.200s to %.200s", from, to);
    const int why = sync_directory(to);
    if (why)
        return dli_fail_errno(err, why, "fs", "%.300s has its name but its directory may forget it", to);
    return DL4C_OK;
}

static dl4c_status local_remove(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    struct stat s;
    if (lstat(path, &s) != 0 || (S_ISDIR(s.st_mode) ? rmdir(path) : unlink(path)) != 0)
        return dli_fail_errno(err, errno, "fs", "cannot remove %.300s", path);
    return DL4C_OK;
}

const struct dl4c_fs_ops dli_fs_local = {
    .struct_size = sizeof(struct dl4c_fs_ops),
    .scheme = "file",
    .open_read = local_open_read,
    .read_at = local_read_at,
    .map = local_map,
    .close_read = local_close_read,
    .create = local_create,
    .write = local_write,
    .commit = local_commit,
    .abandon = local_abandon,
    .stat = local_stat,
    .list = local_list,
    .mkdir = local_mkdir,
    .rename = local_rename,
    .remove = local_remove,
    .append = local_append,
    .load_start = dli_local_load_start,
    .load_wait = dli_local_load_wait,
    .load_end = dli_local_load_end,
    .summarize = dli_local_summarize,
    .change = dli_local_change,
    .truncate = dli_local_truncate,
    .remove_all = dli_local_remove_all,
};
