/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine waits for: the sockets and the clock of libcurl, and callers who wake it. Only what something happened to is looked at: a
 * round over all connections for each small answer would cost more than the answer. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "fs/webhdfs/webhdfs.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 64 }; /* that are fetched at once */

static int on_socket(CURL *easy, curl_socket_t s, int what, void *user, void *known)
{
    const struct dli_wh_sockets *k = user;
    struct epoll_event e;
    (void)easy;
    (void)known;
    memset(&e, 0, sizeof e);
    e.data.fd = s;
    e.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (what == CURL_POLL_REMOVE)
        return epoll_ctl(k->epoll, EPOLL_CTL_DEL, s, NULL) == 0 || errno == ENOENT || errno == EBADF ? 0 : -1;
    if (epoll_ctl(k->epoll, EPOLL_CTL_MOD, s, &e) == 0)
        return 0;
    return errno == ENOENT && epoll_ctl(k->epoll, EPOLL_CTL_ADD, s, &e) == 0 ? 0 : -1;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
    struct dli_wh_sockets *k = user;
    (void)multi;
    k->due_ns = ms < 0 ? INT64_MAX : dli_moment(ms);
    return 0;
}

dl4c_status dli_wh_sockets_open(struct dli_webhdfs *w, struct dl4c_error *err)
{
    struct dli_wh_sockets *k = &w->sockets;
    struct epoll_event e;
    memset(&e, 0, sizeof e);
    k->due_ns = INT64_MAX;
    k->epoll = epoll_create1(EPOLL_CLOEXEC);
    k->news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    e.data.fd = k->news;
    e.events = EPOLLIN | EPOLLET; /* an edge each time: it is never read */
    w->multi = curl_multi_init();
    const bool good = k->epoll >= 0 && k->news >= 0 && w->multi && epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->news, &e) == 0 &&
                      curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
                      curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, k) == CURLM_OK &&
                      curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
                      curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, k) == CURLM_OK &&
                      curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, 64L) == CURLM_OK &&
                      curl_multi_setopt(w->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK;
    if (good)
        return DL4C_OK;
    const int why = errno;
    const bool system = k->epoll < 0 || k->news < 0;
    dli_wh_sockets_close(w);
    return system ? dli_fail_errno(err, why, "webhdfs", "no event queue for the network can be had")
                  : dli_fail(err, DL4C_E_NOMEM, "webhdfs", "libcurl could not be started");
}

void dli_wh_sockets_close(struct dli_webhdfs *w)
{
    struct dli_wh_sockets *k = &w->sockets;
    if (w->multi)
        curl_multi_cleanup(w->multi); /* which still tells of sockets */
    w->multi = NULL;
    if (k->epoll >= 0)
        close(k->epoll);
    if (k->news >= 0)
        close(k->news);
}

void dli_wh_wake(struct dli_webhdfs *w)
{
    const uint64_t one = 1;
    if (!w->multi || atomic_exchange(&w->sockets.called, true)) /* somebody did, and the engine has not looked since */
        return;
    while (write(w->sockets.news, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* Rounded up: a moment too early is a round for nothing. */
static int wait_ms(int64_t until_ns)
{
    const int64_t now = until_ns == INT64_MAX ? 0 : dli_now_ns();
    if (until_ns == INT64_MAX || until_ns <= now)
        return until_ns == INT64_MAX ? -1 : 0;
    const int64_t ms = (until_ns - now - 1) / 1000000 + 1;
    return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

bool dli_wh_sockets_wait(struct dli_webhdfs *w, int64_t until_ns)
{
    struct dli_wh_sockets *k = &w->sockets;
    struct epoll_event events[EVENTS];
    const int n = epoll_wait(k->epoll, events, EVENTS, wait_ms(k->due_ns < until_ns ? k->due_ns : until_ns));
    int running;
    for (int i = 0; i < n; i++) {
        const uint32_t e = events[i].events;
        if (events[i].data.fd != k->news)
            curl_multi_socket_action(w->multi, events[i].data.fd,
                                     (e & EPOLLIN ? CURL_CSELECT_IN : 0) | (e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                                         (e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
                                     &running);
    }
    if (k->due_ns != INT64_MAX && dli_now_ns() >= k->due_ns) {
        k->due_ns = INT64_MAX; /* libcurl sets it anew */
        curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    return atomic_exchange(&k->called, false);
}
