/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as users write them, and the Host that a browser sends. */
#define _POSIX_C_SOURCE 200809L
#include "monitor/monitor.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

dl4c_status dli_listen_parse(const char *listen, char *address, size_t size, char *port, size_t port_size, struct dl4c_error *err)
{
    const bool bracket = listen[0] == '[';
    const char *from = listen + bracket, *colon = strrchr(listen, ':');
    const char *end = bracket ? strchr(listen, ']') : colon;
    if (!colon || !end || (bracket && colon != end + 1) || end == from || (!bracket && memchr(from, ':', (size_t)(end - from))))
        return dli_fail(err, DL4C_E_INVALID, "monitor", "\"%.200s\" is no address to listen on, wanted ADDRESS:PORT or [ADDRESS]:PORT",
                        listen);
    const size_t n = (size_t)(end - from), digits = strlen(colon + 1);
    unsigned long number = 0;
    for (const char *c = colon + 1; *c >= '0' && *c <= '9' && number < 65536; c++)
        number = number * 10 + (unsigned long)(*c - '0');
    if (digits == 0 || digits >= port_size || strspn(colon + 1, "0123456789") != digits || number > 65535)
        return dli_fail(err, DL4C_E_INVALID, "monitor", "the port of \"%.200s\" is wanted to be 0 to 65535", listen);
    if (n >= size)
        return dli_fail(err, DL4C_E_INVALID, "monitor", "the address of \"%.200s\" is too long", listen);
    memcpy(address, from, n);
    address[n] = '\0';
    memcpy(port, colon + 1, digits + 1);
    return DL4C_OK;
}

/* Without the port and the brackets. */
static bool host_name(const char *host, char *name, size_t size)
{
    const bool bracket = host[0] == '[';
    const char *from = host + bracket, *end = bracket ? strchr(host, ']') : strchr(host, ':');
    if (bracket && (!end || (end[1] != '\0' && end[1] != ':')))
        return false;
    const char *after = !end ? "" : bracket ? end + 1 : end;
    if (after[0] == ':' && strspn(after + 1, "0123456789") != strlen(after + 1))
        return false;
    const size_t n = end ? (size_t)(end - from) : strlen(from);
    if (n == 0 || n >= size)
        return false;
    memcpy(name, from, n);
    name[n] = '\0';
    return true;
}

bool dli_host_allowed(const char *host, const char *name)
{
    char own[256];
    unsigned char address[sizeof(struct in6_addr)];
    if (!host || !host_name(host, own, sizeof own))
        return false;
    if (host[0] == '[')
        return inet_pton(AF_INET6, own, address) == 1;
    return strcasecmp(own, "localhost") == 0 || strcasecmp(own, name) == 0 || inet_pton(AF_INET, own, address) == 1;
}
