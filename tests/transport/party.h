/* SPDX-License-Identifier: Apache-2.0 */
/* Members of groups over tcp in tests: ports that are free, joining in a thread. */
#ifndef TESTS_TRANSPORT_PARTY_H
#define TESTS_TRANSPORT_PARTY_H

#include <dl4c/transport.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below the range that the system takes ports from by itself, so that nobody else's connection has it when it is used. 0: none. */
static inline uint16_t free_port(int six)
{
    static uint16_t tried;
    for (int i = 0; i < 2000; i++) {
        const uint16_t port = (uint16_t)(12000 + (getpid() * 211 + tried++) % 18000);
        struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(port) };
        struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
        const int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int bound = fd < 0 ? -1 : six ? bind(fd, (struct sockaddr *)&a6, sizeof a6) : bind(fd, (struct sockaddr *)&a4, sizeof a4);
        if (fd >= 0)
            close(fd);
        if (bound == 0)
            return port;
    }
    return 0;
}

/* A member. */
struct party {
    dl4c_context *ctx;
    char url[100];
    int place, size;    /* place 0: the driver, who gathers size */
    int64_t timeout_ms, lost_after_ms; /* 0: 20 000, the default */
    dl4c_group *group;
    dl4c_status status;
    struct dl4c_error err;
    pthread_t thread;
};

/* The thread of one. */
static inline void *party_enter(void *arg)
{
    struct party *p = arg;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    o.url = p->url;
    o.driver = p->place == 0;
    o.size = o.driver ? p->size : 0;
    o.timeout_ms = p->timeout_ms ? p->timeout_ms : 20000;
    o.lost_after_ms = p->lost_after_ms;
    p->status = dl4c_group_join(p->ctx, &o, &p->group, &p->err);
    return NULL;
}

/* Until a newcomer waits at the driver, or 20 s pass. */
static inline int party_waits(dl4c_group *driver)
{
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    for (int i = 0; i < 4000 && dl4c_group_members(driver, &m, NULL) == DL4C_OK && m.waiting == 0; i++)
        usleep(5000);
    return m.waiting > 0;
}

#endif
