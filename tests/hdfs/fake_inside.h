/* SPDX-License-Identifier: Apache-2.0 */
/* Between the connections of the servers in this process (fake.c) and what they answer (fake_answers.c). */
#ifndef TESTS_HDFS_FAKE_INSIDE_H
#define TESTS_HDFS_FAKE_INSIDE_H

#include "fake.h"

struct request {
    struct fake *f;
    struct fake_server *s;
    int fd;
    char method[12], target[4096], path[2048], op[32];
    char *query; /* in target */
    char headers[8192];
    char *body;
    size_t size;
    bool close, broke, cookie; /* cookie: one is given */
    struct fake_fault fault; /* kind 0: none */
};

bool fake_send(int fd, const void *bytes, size_t n);
void fake_reset(int fd);
void fake_decode(char *to, size_t room, const char *from, size_t n, bool query);
bool fake_param(const struct request *r, const char *key, char *to, size_t room);
void fake_answer(struct request *r, int code, const char *type, const char *more, const void *body, size_t size);
void fake_say(struct request *r, int code, const char *text);
void fake_exception(struct request *r, int code, const char *name, const char *message);
void fake_redirect(struct request *r);
void fake_send_file(struct request *r, const char *bytes, size_t n);
void fake_open_file(struct request *r);
void fake_create(struct request *r);
void fake_append(struct request *r);
void fake_bean(struct request *r);
void fake_one(struct request *r);

#endif
