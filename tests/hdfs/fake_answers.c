/* SPDX-License-Identifier: Apache-2.0 */
/* What the servers in this process keep and answer: in the form in which Hadoop 3.4.1 was seen to say it. */
#define _GNU_SOURCE
#include "fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- bytes ---- */

bool fake_send(int fd, const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        const ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

void fake_reset(int fd)
{
    const struct linger hard = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

static int hex(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

void fake_decode(char *to, size_t room, const char *from, size_t n, bool query)
{
    size_t k = 0;
    for (size_t i = 0; i < n && k + 1 < room; i++) {
        if (from[i] == '%' && i + 2 < n) {
            to[k++] = (char)(hex(from[i + 1]) * 16 + hex(from[i + 2]));
            i += 2;
        } else {
            to[k++] = query && from[i] == '+' ? ' ' : from[i];
        }
    }
    to[k] = '\0';
}

bool fake_param(const struct request *r, const char *key, char *to, size_t room)
{
    const size_t k = strlen(key);
    for (const char *p = r->query; p && *p;) {
        const size_t n = strcspn(p, "&");
        if (n > k && strncasecmp(p, key, k) == 0 && p[k] == '=') {
            fake_decode(to, room, p + k + 1, n - k - 1, true);
            return true;
        }
        p += n + (p[n] == '&');
    }
    to[0] = '\0';
    return false;
}

static long number(const struct request *r, const char *key, long other)
{
    char text[40];
    return fake_param(r, key, text, sizeof text) ? strtol(text, NULL, 10) : other;
}

/* ---- files, under the lock ---- */

const struct fake_file *fake_find(struct fake *f, const char *path)
{
    for (int i = 0; i < f->n_files; i++)
        if (strcmp(f->file[i].path, path) == 0)
            return &f->file[i];
    return NULL;
}

static void drop(struct fake *f, const char *path)
{
    for (int i = 0; i < f->n_files; i++)
        if (strcmp(f->file[i].path, path) == 0) {
            free(f->file[i].bytes);
            f->file[i] = f->file[--f->n_files];
            return;
        }
}

static struct fake_file *add(struct fake *f, const char *path, const char *bytes, size_t size, bool directory)
{
    struct timespec now;
    drop(f, path);
    if (f->n_files == FAKE_FILES)
        abort();
    struct fake_file *x = &f->file[f->n_files++];
    memset(x, 0, sizeof *x);
    snprintf(x->path, sizeof x->path, "%s", path);
    x->bytes = malloc(size + 1);
    memcpy(x->bytes, bytes, size);
    x->size = size;
    x->directory = directory;
    x->mode = directory ? 0755 : 0644;
    clock_gettime(CLOCK_REALTIME, &now);
    x->mtime_ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return x;
}

void fake_put(struct fake *f, const char *path, const char *bytes, size_t size)
{
    pthread_mutex_lock(&f->lock);
    add(f, path, bytes, size, false);
    pthread_mutex_unlock(&f->lock);
}

void fake_mkdir(struct fake *f, const char *path)
{
    pthread_mutex_lock(&f->lock);
    add(f, path, "", 0, true);
    pthread_mutex_unlock(&f->lock);
}

static bool is_directory(struct fake *f, const char *path)
{
    const struct fake_file *x = fake_find(f, path);
    return strcmp(path, "/") == 0 || (x && x->directory);
}

static void parent_of(const char *path, char *to, size_t room)
{
    const char *slash = strrchr(path, '/');
    snprintf(to, room, "%.*s", slash > path ? (int)(slash - path) : 1, path);
}

/* ---- answers ---- */

void fake_answer(struct request *r, int code, const char *type, const char *more, const void *body, size_t size)
{
    char head[2048], cookie[80] = "";
    const bool data = r->s->role == FAKE_DATANODE;
    if (r->fault.kind == FAKE_LOSE)
        return;
    if (data)
        r->close = true;
    if (r->cookie)
        snprintf(cookie, sizeof cookie, "Set-Cookie: hadoop.auth=good%d; Path=/; HttpOnly\r\n", r->f->cookies);
    const int n =
        snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%s%s%s: %s\r\n%s: %zu\r\n%s\r\n", code, more,
                 cookie, data ? "content-type" : "Content-Type", type,
                 data ? "content-length" : "Content-Length", size, r->close ? "connection: close\r\n" : "");
    if (fake_send(r->fd, head, (size_t)n))
        fake_send(r->fd, body, size);
}

void fake_say(struct request *r, int code, const char *text) { fake_answer(r, code, "application/json", "", text, strlen(text)); }

void fake_exception(struct request *r, int code, const char *name, const char *message)
{
    char text[2400];
    const bool trace = r->s->role == FAKE_DATANODE; /* whose messages hold all of Java's stack */
    snprintf(text, sizeof text, "{\"RemoteException\":{\"exception\":\"%s\",\"javaClassName\":\"org.apache.%s\",\"message\":\"%s%s\"}}",
             name, name, message,
             trace ? "\\n\\tat org.apache.hadoop.hdfs.Secret.trace(Secret.java:1)\\n\\tat java.base/java.lang.Thread.run" : "");
    fake_say(r, code, text);
}

void fake_redirect(struct request *r)
{
    struct fake *f = r->f;
    char line[5200], excluded[200];
    int to = r->s->index;
    fake_param(r, "excludedatanodes", excluded, sizeof excluded);
    for (int tried = 0; r->s->role == FAKE_NAMENODE && tried < 2 * FAKE_SERVERS; tried++) {
        char address[40];
        to = f->next_datanode++ % f->n_servers;
        snprintf(address, sizeof address, "127.0.0.1:%d", f->server[to].port + 1); /* the port of data is said to be the next */
        if (f->server[to].role == FAKE_DATANODE && !strstr(excluded, address))
            break;
        to = -1;
    }
    if (to < 0) {
        fake_exception(r, 403, "IOException", "Failed to find datanode, suggest to check cluster health. excludeDatanodes=x");
        return;
    }
    snprintf(line, sizeof line, "Location: http://localhost:%d%.*s?%s%s&namenoderpcaddress=localhost:8020\r\n", f->server[to].port,
             (int)strcspn(r->target, "?"), r->target, r->query, r->s->role == FAKE_HTTPFS ? "&data=true" : "");
    fake_answer(r, 307, "application/octet-stream", line, "", 0);
}

/* One entry as GETFILESTATUS and the lists have it. */
static int status_of(const struct fake_file *x, const char *name, char *to, size_t room)
{
    return snprintf(to, room,
                    "{\"accessTime\":1795342104756,\"blockSize\":%d,\"childrenNum\":0,\"group\":\"g\",\"length\":%lld,\"modificationTime\":"
                    "%lld,\"owner\":\"alice\",\"pathSuffix\":\"%s\",\"permission\":\"%o\",\"replication\":%d,\"type\":\"%s\"}",
                    x->directory ? 0 : 134217728, x->far + (long long)x->size, x->mtime_ms, name, (unsigned)x->mode, x->directory ? 0 : 2,
                    x->directory ? "DIRECTORY" : "FILE");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(struct request *r, bool batch)
{
    struct fake *f = r->f;
    char text[32768], after[300], *names[FAKE_FILES];
    int n = 0, told = 0, left = 0;
    const struct fake_file *self = fake_find(f, r->path);
    size_t at = 0;
    if (!self && !is_directory(f, r->path)) {
        fake_exception(r, 404, "FileNotFoundException", "File does not exist.");
        return;
    }
    const size_t k = strcmp(r->path, "/") == 0 ? 0 : strlen(r->path);
    for (int i = 0; i < f->n_files; i++)
        if (strncmp(f->file[i].path, r->path, k) == 0 && f->file[i].path[k] == '/' && !strchr(f->file[i].path + k + 1, '/'))
            names[n++] = f->file[i].path;
    qsort(names, (size_t)n, sizeof names[0], by_name);
    fake_param(r, "startAfter", after, sizeof after);
    at += (size_t)snprintf(text, sizeof text,
                           batch ? "{\"DirectoryListing\":{\"partialListing\":{\"FileStatuses\":{\"FileStatus\":["
                                 : "{\"FileStatuses\":{\"FileStatus\":[\n");
    if (self && !self->directory)
        at += (size_t)status_of(self, "", text + at, sizeof text - at);
    for (int i = 0; i < n; i++) {
        const char *name = names[i] + k + 1;
        if (batch && strcmp(name, after) <= 0)
            continue;
        if (batch && told == 3) { /* dfs.ls.limit */
            left++;
            continue;
        }
        at += (size_t)snprintf(text + at, sizeof text - at, "%s", told++ ? "," : "");
        at += (size_t)status_of(fake_find(f, names[i]), name, text + at, sizeof text - at);
    }
    if (batch)
        snprintf(text + at, sizeof text - at, "]}},\"remainingEntries\":%d}}", left);
    else
        snprintf(text + at, sizeof text - at, "]}}");
    fake_say(r, 200, text);
}

static void move(struct request *r)
{
    struct fake *f = r->f;
    char to[300], options[40];
    fake_param(r, "destination", to, sizeof to);
    fake_param(r, "renameoptions", options, sizeof options);
    const bool plain = f->no_rename_options || !options[0];
    struct fake_file *x = (struct fake_file *)fake_find(f, r->path);
    const struct fake_file *y = fake_find(f, to);
    if (plain && y && y->directory) { /* into it */
        snprintf(to + strlen(to), sizeof to - strlen(to), "%s", strrchr(r->path, '/'));
        y = fake_find(f, to);
    }
    if (plain && (!x || y)) {
        fake_say(r, 200, "{\"boolean\":false}");
    } else if (!x) {
        fake_exception(r, 404, "FileNotFoundException", "rename source is not found.");
    } else if (y && y->directory != x->directory) {
        fake_exception(r, 403, "IOException", "Source and destination must both be directories");
    } else {
        if (y)
            drop(f, to);
        x = (struct fake_file *)fake_find(f, r->path);
        if (!x)
            abort();
        snprintf(x->path, sizeof x->path, "%s", to);
        if (plain)
            fake_say(r, 200, "{\"boolean\":true}");
        else
            fake_answer(r, 200, "application/octet-stream", "", "", 0);
    }
}

/* What a file's bytes go out with: nearly all that can go wrong does so here. */
void fake_send_file(struct request *r, const char *bytes, size_t n)
{
    char head[200];
    const int kind = r->fault.kind;
    size_t said = n, sent = n;
    if (kind == FAKE_LONG)
        said = n + 10;
    if (kind == FAKE_SHORT)
        said = n - 10;
    if (kind == FAKE_MORE)
        said = sent = n + 100;
    if (kind == FAKE_CUT)
        sent = n / 2;
    r->close = true;
    if (kind == FAKE_LOSE)
        return;
    if (kind == FAKE_ENDLESS)
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    else if (kind == FAKE_NO_LENGTH)
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    else
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n",
                 said);
    fake_send(r->fd, head, strlen(head));
    if (kind == FAKE_RESET_HEADERS) {
        usleep(20000); /* so that they are read before */
        fake_reset(r->fd);
    } else if (kind == FAKE_ENDLESS) {
        while (fake_send(r->fd, "10\r\n0123456789abcdef\r\n", 22))
            ;
    } else if (kind == FAKE_MORE) {
        char *more = calloc(1, sent);
        memcpy(more, bytes, n);
        fake_send(r->fd, more, sent);
        free(more);
    } else {
        fake_send(r->fd, bytes, sent);
    }
}

void fake_open_file(struct request *r)
{
    const struct fake_file *x = fake_find(r->f, r->path);
    const long asked = number(r, "offset", 0), length = number(r, "length", -1);
    const long offset = x && asked >= x->far ? asked - (long)x->far : 0;
    if (!x || x->directory) {
        fake_exception(r, 404, "FileNotFoundException", x ? "Path is not a file" : "File does not exist");
    } else if (asked < x->far && length >= 0) {
        char *zeros = calloc(1, (size_t)length + 1);
        fake_send_file(r, zeros, (size_t)length);
        free(zeros);
    } else if (offset > (long)x->size || (offset == (long)x->size && offset > 0)) {
        fake_exception(r, 403, "IOException", "Offset out of the range");
    } else {
        const size_t left = x->size - (size_t)offset, n = length >= 0 && (size_t)length < left ? (size_t)length : left;
        char *copy = malloc(n + 1);
        memcpy(copy, x->bytes + offset, n);
        pthread_mutex_unlock(&r->f->lock); /* a client may take it as slowly as he likes: others are served meanwhile */
        fake_send_file(r, copy, n);
        pthread_mutex_lock(&r->f->lock);
        free(copy);
    }
}

void fake_create(struct request *r)
{
    char text[40], parent[300];
    parent_of(r->path, parent, sizeof parent);
    fake_param(r, "overwrite", text, sizeof text);
    const struct fake_file *x = fake_find(r->f, r->path);
    if (x && strcmp(text, "true") != 0) {
        fake_exception(r, 403, "FileAlreadyExistsException", "already exists");
        return;
    }
    fake_param(r, "createparent", text, sizeof text);
    if (!is_directory(r->f, parent)) {
        if (fake_find(r->f, parent)) {
            fake_exception(r, 403, "ParentNotDirectoryException", "(is not a directory)");
            return;
        }
        if (strcmp(text, "false") == 0) {
            fake_exception(r, 404, "FileNotFoundException", "Parent directory doesn't exist");
            return;
        }
        add(r->f, parent, "", 0, true);
    }
    add(r->f, r->path, r->body, r->fault.kind == FAKE_TRUNCATE ? r->size / 2 : r->size, false);
    fake_answer(r, 201, "application/octet-stream", "location: hdfs://localhost:8020/never/follow/this\r\n", "", 0);
}

void fake_append(struct request *r)
{
    struct fake_file *x = (struct fake_file *)fake_find(r->f, r->path);
    if (!x) {
        fake_exception(r, 404, "FileNotFoundException", "File not found.");
        return;
    }
    x->bytes = realloc(x->bytes, x->size + r->size + 1);
    memcpy(x->bytes + x->size, r->body, r->size);
    x->size += r->size;
    fake_answer(r, 200, "application/octet-stream", "", "", 0);
}

void fake_bean(struct request *r)
{
    char nodes[2000] = "{", text[2400];
    for (int i = 0; i < r->f->n_servers; i++)
        if (r->f->server[i].role == FAKE_DATANODE)
            snprintf(nodes + strlen(nodes), sizeof nodes - strlen(nodes),
                     "%s\\\"localhost:%d\\\":{\\\"infoAddr\\\":\\\"127.0.0.1:%d\\\",\\\"xferaddr\\\":\\\"127.0.0.1:%d\\\"}",
                     nodes[1] ? "," : "", r->f->server[i].port + 1, r->f->server[i].port, r->f->server[i].port + 1);
    snprintf(text, sizeof text, "{\"beans\":[{\"name\":\"x\",\"LiveNodes\":\"%s}\"}]}", nodes);
    fake_say(r, 200, text);
}

static void locations(struct request *r)
{
    char text[2400] = "{\"LocatedBlocks\":{\"fileLength\":1,\"locatedBlocks\":[{\"locations\":[";
    bool first = true;
    for (int i = 0; i < r->f->n_servers; i++)
        if (r->f->server[i].role == FAKE_DATANODE) {
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     "%s{\"hostName\":\"localhost\",\"infoPort\":%d,\"infoSecurePort\":0,\"ipAddr\":\"127.0.0.1\",\"xferPort\":%d}",
                     first ? "" : ",", r->f->server[i].port, r->f->server[i].port + 1);
            first = false;
        }
    strcat(text, "]}]}}");
    fake_say(r, 200, text);
}

static void concat(struct request *r)
{
    char all[1000];
    struct fake_file *x = (struct fake_file *)fake_find(r->f, r->path);
    fake_param(r, "sources", all, sizeof all);
    for (char *p = strtok(all, ","); p && x; p = strtok(NULL, ",")) {
        const struct fake_file *y = fake_find(r->f, p);
        if (!y)
            continue;
        x->bytes = realloc(x->bytes, x->size + y->size + 1);
        memcpy(x->bytes + x->size, y->bytes, y->size);
        x->size += y->size;
        drop(r->f, p);
        x = (struct fake_file *)fake_find(r->f, r->path);
    }
    fake_answer(r, 200, "application/octet-stream", "", "", 0);
}

void fake_one(struct request *r)
{
    struct fake *f = r->f;
    struct fake_file *x = (struct fake_file *)fake_find(f, r->path);
    const char *op = r->op;
    char text[1200], status[1000];
    if (strcmp(op, "MKDIRS") == 0) {
        for (char *p = r->path + 1;; p++) {
            if (*p && *p != '/')
                continue;
            const char end = *p;
            *p = '\0';
            if (fake_find(f, r->path) && !is_directory(f, r->path)) {
                fake_exception(r, 403, end ? "ParentNotDirectoryException" : "FileAlreadyExistsException", "Path is not a directory");
                return;
            }
            if (!is_directory(f, r->path))
                add(f, r->path, "", 0, true);
            *p = end;
            if (!end)
                break;
        }
        fake_say(r, 200, "{\"boolean\":true}");
    } else if (strcmp(op, "RENAME") == 0) {
        move(r);
    } else if (strcmp(op, "DELETE") == 0) {
        char recursive[8] = "";
        bool full = false;
        fake_param(r, "recursive", recursive, sizeof recursive);
        for (int i = f->n_files - 1; i >= 0; i--)
            if (strncmp(f->file[i].path, r->path, strlen(r->path)) == 0 && f->file[i].path[strlen(r->path)] == '/') {
                full = strcmp(recursive, "true") != 0;
                if (!full)
                    drop(f, f->file[i].path);
            }
        x = (struct fake_file *)fake_find(f, r->path);
        if (full) {
            fake_exception(r, 403, "PathIsNotEmptyDirectoryException", "Directory is not empty");
            return;
        }
        if (x)
            drop(f, r->path);
        fake_say(r, 200, x ? "{\"boolean\":true}" : "{\"boolean\":false}");
    } else if (strncmp(op, "LISTSTATUS", 10) == 0) {
        if (op[10] && f->no_batch)
            fake_exception(r, 400, "IllegalArgumentException", "Invalid value for webhdfs parameter \\\"op\\\"");
        else
            list(r, op[10] != '\0');
    } else if (strcmp(op, "GETCONTENTSUMMARY") == 0) {
        fake_say(r, 200,
                 "{\"ContentSummary\":{\"directoryCount\":2,\"fileCount\":3,\"length\":12,\"quota\":-1,\"spaceConsumed\":24,\"spaceQuota\":"
                 "99}}");
    } else if (!x && strcmp(r->path, "/") != 0) {
        fake_exception(r, 404, "FileNotFoundException", "File does not exist: x");
    } else if (strcmp(op, "GETFILESTATUS") == 0) {
        const struct fake_file root = { .directory = true, .mode = 0755 };
        status_of(x ? x : &root, "", status, sizeof status);
        snprintf(text, sizeof text, "{\"FileStatus\":%s}", status);
        fake_say(r, 200, text);
    } else if (strcmp(op, "SETPERMISSION") == 0) {
        fake_param(r, "permission", text, sizeof text);
        x->mode = (int)strtol(text, NULL, 8);
        fake_answer(r, 200, "application/octet-stream", "", "", 0);
    } else if (strcmp(op, "SETREPLICATION") == 0) {
        fake_say(r, 200, x->directory ? "{\"boolean\":false}" : "{\"boolean\":true}");
    } else if (strcmp(op, "SETTIMES") == 0 || strcmp(op, "SETOWNER") == 0) {
        const long long modified = number(r, "modificationtime", -1);
        x->mtime_ms = modified >= 0 ? modified : x->mtime_ms;
        fake_answer(r, 200, "application/octet-stream", "", "", 0);
    } else if (strcmp(op, "CONCAT") == 0) {
        concat(r);
    } else if (strcmp(op, "TRUNCATE") == 0) {
        x->size = (size_t)number(r, "newlength", 0);
        fake_say(r, 200, "{\"boolean\":false}");
    } else if (strcmp(op, "GET_BLOCK_LOCATIONS") == 0) {
        locations(r);
    } else {
        fake_exception(r, 400, "IllegalArgumentException", "not a valid operation");
    }
}
