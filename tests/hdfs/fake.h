/* SPDX-License-Identifier: Apache-2.0 */
/* NameNodes and DataNodes in this process: files in memory behind WebHDFS as Hadoop 3.4 speaks it, and faults on demand. */
#ifndef TESTS_HDFS_FAKE_H
#define TESTS_HDFS_FAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_SERVERS = 4, FAKE_FILES = 64, FAKE_FAULTS = 16 };
enum { FAKE_NAMENODE, FAKE_DATANODE, FAKE_HTTPFS };

/* What goes wrong with one request. */
enum {
    FAKE_RESET = 1,     /* the connection is reset before the answer */
    FAKE_RESET_HEADERS, /* after the headers */
    FAKE_CUT,           /* half of the body, then the connection closes */
    FAKE_LONG,          /* Content-Length promises 10 bytes more than come */
    FAKE_SHORT,         /* Content-Length promises 10 bytes less */
    FAKE_NO_LENGTH,     /* neither Content-Length nor chunks */
    FAKE_MORE,          /* 100 bytes more than asked for, well announced */
    FAKE_HTML,          /* text says the code: a page of HTML */
    FAKE_ENDLESS,       /* a body in chunks without end */
    FAKE_STALL,         /* nothing, until the client goes */
    FAKE_LOSE,          /* it is done, and then the connection is reset */
    FAKE_EXCEPTION,     /* text: "403 Name message" */
    FAKE_REDIRECT,      /* text: the Location */
    FAKE_TRUNCATE,      /* CREATE: 201, and half is stored */
    FAKE_BREAK,         /* CREATE, APPEND; text "TAKEN STORED": reset after so many bytes, of which so many are stored */
    FAKE_JSON,          /* text: the answer, with 200 or the code before it */
    FAKE_HEADERS        /* header lines without end */
};

struct fake_fault {
    int server; /* -1: any; -2: any DataNode */
    char op[24];
    int kind, times;
    char text[600];
};

struct fake_file {
    char path[300];
    char *bytes;
    size_t size;
    bool directory;
    int mode;
    long long mtime_ms; /* SETTIMES changes it */
    long long far;      /* zeros that the file begins with, which nobody holds */
};

struct fake_server {
    struct fake *fake;
    int index, role, port, fd;
    bool running, standby;
    pthread_t thread;
    char headers[8192]; /* of the last request */
};

struct fake {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct fake_server server[FAKE_SERVERS];
    int n_servers, connections;
    int open_fds[256];
    struct fake_file file[FAKE_FILES];
    int n_files;
    struct fake_fault fault[FAKE_FAULTS];
    int n_faults;
    int next_datanode; /* which one the next redirect names, counted on */
    bool no_batch, no_rename_options, negotiate;
    bool tickets; /* negotiate: every second request without a cookie is taken for one with a ticket, and given one */
    bool crumbs;  /* negotiate: refusals give a cookie too, which is refused as well */
    int asked, cookies; /* cookies: which one is good: hadoop.auth=goodN */
    char log[65536];    /* "0 GET /webhdfs/v1/x?op=OPEN" a line: server, method, target */
    int accepted;       /* connections that were made */
    int delay_ms;       /* that a DataNode takes before it sends a file */
    int reading, most_reading; /* such requests at once */
};

/* A server on a port of its own, its index. */
int fake_start(struct fake *f, int role);
void fake_kill(struct fake *f, int server); /* refuses connections from now on; the port stays its own */
void fake_restart(struct fake *f, int server);
void fake_stop(struct fake *f);
void fake_put(struct fake *f, const char *path, const char *bytes, size_t size);
void fake_mkdir(struct fake *f, const char *path);
const struct fake_file *fake_find(struct fake *f, const char *path);
void fake_fault(struct fake *f, int server, const char *op, int kind, int times, const char *text);
int fake_count(struct fake *f, const char *text); /* lines of the log with it */

#endif
