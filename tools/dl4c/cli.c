/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct cli_common cli = { .progress = "auto" };

__attribute__((format(printf, 1, 0))) static void say(const char *fmt, va_list ap)
{
    flockfile(stderr); /* lines of the log come from several threads */
    cli_progress_end();
    fputs("dl4c: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    funlockfile(stderr);
}

int cli_usage(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    return CLI_USAGE;
}

int cli_precision(const char *name, int32_t *precision)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    *precision = DL4C_PRECISION_F32;
    if (!name)
        return -1;
    if (dl4c_precision_find(name, precision, &err) != DL4C_OK)
        return cli_usage("--precision: %s", err.message);
    return dl4c_precision_check(*precision, &err) == DL4C_OK ? -1 : cli_fail(&err);
}

int cli_failed(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    return CLI_FAILED;
}

int cli_fail(const struct dl4c_error *err) { return cli_failed("%s: %s", err->origin, err->message); }

dl4c_status cli_error(struct dl4c_error *err, dl4c_status status, const char *origin, const char *fmt, ...)
{
    va_list ap;
    *err = (struct dl4c_error)DL4C_ERROR_INIT;
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "%s", origin);
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return status;
}

/* ---- numbers: main has set the locale's to C ------------------------------------------------------------------- */

bool cli_read_number(const char *text, double *out)
{
    char *end;
    if (!text[0] || strspn(text, "0123456789+-.eE") != strlen(text))
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

bool cli_read_int(const char *text, int64_t *out)
{
    char *end;
    if (!text[0] || strspn(text, "0123456789-+") != strlen(text))
        return false;
    const long long v = strtoll(text, &end, 10);
    *out = v;
    return *end == '\0' && v != INT64_MAX && v != INT64_MIN;
}

void cli_json_number(FILE *f, double v)
{
    char text[64];
    double back;
    if (!isfinite(v)) {
        fputs("null", f);
        return;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (cli_read_number(text, &back) && back == v)
            break;
    }
    fputs(text, f);
}

/* Bytes of the character that begins at c, 0 where they are no UTF-8 (overlong forms and surrogates among them). */
static int utf8_length(const unsigned char *c)
{
    const int n = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return n;
}

char *cli_tsv(const char *text)
{
    static const char plain[] = "\t\n\r\\", shown[] = "tnr\\";
    char *field = malloc(2 * strlen(text) + 1), *p = field;
    for (; field && *text; text++) {
        const char *at = strchr(plain, *text);
        if (at)
            *p++ = '\\';
        *p++ = at ? shown[at - plain] : *text;
    }
    if (field)
        *p = '\0';
    return field;
}

void cli_json_string(FILE *f, const char *text)
{
    fputc('"', f);
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        const int n = utf8_length(c);
        if (n == 0)
            fputs("\xef\xbf\xbd", f); /* U+FFFD, as in the stores */
        else if (*c == '"' || *c == '\\')
            fprintf(f, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(f, "\\u%04x", *c);
        else
            fwrite(c, 1, (size_t)n, f);
        c += n ? n : 1;
    }
    fputc('"', f);
}

/* ---- arguments ------------------------------------------------------------------------------------------------ */

static const struct cli_option common_options[] = {
    { "--threads", CLI_INT, &cli.threads, "working threads in all; 0: what affinity and cgroup allow" },
    { "--memory-limit", CLI_TEXT, &cli.memory_limit, "bytes, with k, m or g" },
    { "--progress", CLI_TEXT, &cli.progress, "auto, plain, json or none, on stderr" },
    { "--quiet", CLI_FLAG, &cli.quiet, "no progress, no warnings" },
    { "--hdfs-ca", CLI_TEXT, &cli.hdfs_ca, "FILE with the authorities' certificates for swebhdfs; else the system's" },
    { "--hdfs-cert", CLI_TEXT, &cli.hdfs_cert, "FILE with this client's certificate" },
    { "--hdfs-key", CLI_TEXT, &cli.hdfs_key, "FILE with its key; else in --hdfs-cert" },
    { "--hdfs-any-host-name", CLI_FLAG, &cli.hdfs_any_host_name, "takes certificates that are for another host" },
    { "--hdfs-datanodes", CLI_TEXT, &cli.hdfs_datanodes, "dn1:9864=gateway:19864,...: where DataNodes are reached from here" },
    { "--hdfs-retry", CLI_NUMBER, &cli.hdfs_retry_s, "seconds without progress after which a failure is final, 60" },
    { 0 },
};

static const struct cli_option *find_option(const struct cli_option *options, const char *name, size_t n)
{
    for (; options && options->name; options++)
        if (strncmp(options->name, name, n) == 0 && options->name[n] == '\0')
            return options;
    return NULL;
}

static void print_help(const char *usage, const struct cli_option *options)
{
    printf("usage: dl4c %s\n\n", usage);
    for (int pass = 0; pass < 2; pass++)
        for (const struct cli_option *o = pass ? common_options : options; o && o->name; o++)
            if (o->help)
                printf("  %-20s %s\n", o->name, o->help);
}

/* "-lR": flags of one letter each. Sets them where all of them are. */
static bool set_letters(const struct cli_option *options, const char *letters)
{
    for (int pass = 0; pass < 2; pass++)
        for (const char *p = letters; *p; p++) {
            const char name[2] = { '-', *p };
            const struct cli_option *o = find_option(options, name, 2);
            if (!o || o->kind != CLI_FLAG)
                return false;
            if (pass)
                *(bool *)o->value = true;
        }
    return true;
}

static int set_option(const struct cli_option *o, const char *text)
{
    switch (o->kind) {
    case CLI_FLAG: *(bool *)o->value = true; break;
    case CLI_TEXT: *(const char **)o->value = text; break;
    case CLI_INT:
        if (!cli_read_int(text, o->value))
            return cli_usage("%s is \"%s\", wanted a whole number", o->name, text);
        break;
    case CLI_NUMBER:
        if (!cli_read_number(text, o->value))
            return cli_usage("%s is \"%s\", wanted a number", o->name, text);
        break;
    }
    return -1;
}

int cli_parse(int argc, char **argv, const char *usage, const struct cli_option *options, const char **positional, int min, int max,
              int *n_positional)
{
    int n = 0;
    bool only_positional = false;
    for (int i = 1; i < argc; i++) {
        char *a = argv[i];
        if (only_positional || a[0] != '-' || strcmp(a, "-") == 0) {
            if (n == max)
                return cli_usage("\"%s\" is one argument too many; usage: dl4c %s", a, usage);
            positional[n++] = a;
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_positional = true;
            continue;
        }
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            print_help(usage, options);
            return CLI_DONE;
        }
        const char *equals = strncmp(a, "--", 2) == 0 ? strchr(a, '=') : NULL;
        const size_t length = equals ? (size_t)(equals - a) : strlen(a);
        const struct cli_option *o = find_option(options, a, length);
        if (!o)
            o = find_option(common_options, a, length);
        if (!o && a[1] != '-' && set_letters(options, a + 1))
            continue;
        if (!o)
            return cli_usage("%s has no option %.*s; dl4c %s --help lists them", argv[0], (int)length, a, argv[0]);
        const char *text = equals ? equals + 1 : NULL;
        if (o->kind == CLI_FLAG && text)
            return cli_usage("%s takes no value", o->name);
        if (o->kind != CLI_FLAG && !text) {
            if (i + 1 == argc)
                return cli_usage("%s needs a value", o->name);
            text = argv[++i];
        }
        const int status = set_option(o, text);
        if (status >= 0)
            return status;
    }
    if (n < min)
        return cli_usage("%d argument%s missing; usage: dl4c %s", min - n, min - n == 1 ? " is" : "s are", usage);
    if (n_positional)
        *n_positional = n;
    for (int i = n; i < max; i++)
        positional[i] = NULL;
    return -1;
}

bool cli_parse_size(const char *text, int32_t *height, int32_t *width)
{
    char first[16];
    int64_t h, w;
    const char *x = strchr(text, 'x');
    const size_t n = x ? (size_t)(x - text) : strlen(text);
    if (n == 0 || n >= sizeof first)
        return false;
    memcpy(first, text, n);
    first[n] = '\0';
    if (!cli_read_int(first, &h) || !cli_read_int(x ? x + 1 : first, &w) || h < 1 || w < 1 || h > 65535 || w > 65535)
        return false;
    *height = (int32_t)h;
    *width = (int32_t)w;
    return true;
}

int cli_split(char *text, const char **parts, int max)
{
    int n = 0;
    for (char *p = text; p && n < max;) {
        parts[n++] = p;
        p = strchr(p, ',');
        if (p)
            *p++ = '\0';
    }
    return n;
}

char *cli_command_line(int argc, char **argv)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./,:@%";
    char *text = NULL;
    size_t size;
    FILE *f = cli_memory_file(&text, &size);
    if (!f)
        return NULL;
    fputs("dl4c", f);
    for (int i = 0; i < argc; i++) {
        fputc(' ', f);
        if (argv[i][0] && strspn(argv[i], plain) == strlen(argv[i])) {
            fputs(argv[i], f);
            continue;
        }
        fputc('\'', f);
        for (const char *c = argv[i]; *c; c++)
            if (*c == '\'')
                fputs("'\\''", f);
            else
                fputc(*c, f);
        fputc('\'', f);
    }
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

int cli_read_memory(const char *text, bool *low)
{
    if (text && strcmp(text, "low") != 0 && strcmp(text, "default") != 0)
        return cli_usage("--memory is \"%s\", wanted default or low", text);
    *low = text && text[0] == 'l';
    return -1;
}

int cli_read_part(const char *text, int32_t *part, int32_t *n_parts)
{
    char first[16];
    int64_t i, n;
    const char *slash = text ? strchr(text, '/') : NULL;
    *part = *n_parts = 0;
    if (!text)
        return -1;
    const size_t length = slash ? (size_t)(slash - text) : sizeof first;
    if (length < sizeof first) {
        memcpy(first, text, length);
        first[length] = '\0';
    }
    if (length >= sizeof first || !cli_read_int(first, &i) || !cli_read_int(slash + 1, &n) || i < 1 || n < i || n > 100000)
        return cli_usage("--part is \"%s\", wanted I/N with I from 1 to N and N at most 100000", text);
    *part = (int32_t)i;
    *n_parts = (int32_t)n;
    return -1;
}

FILE *cli_memory_file(char **text, size_t *size) { return open_memstream(text, size); }

/* ---- context, log, progress ----------------------------------------------------------------------------------- */

static void on_log(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user;
    flockfile(stderr);
    cli_progress_end();
    fprintf(stderr, "dl4c: %s%s: %s\n", level == DL4C_LOG_WARNING ? "warning: " : "", origin, message);
    funlockfile(stderr);
}

static bool read_bytes(const char *text, int64_t *bytes)
{
    char number[32];
    size_t n = strlen(text);
    int shift = 0;
    if (n > 0 && strchr("kKmMgG", text[n - 1])) {
        shift = strchr("kK", text[n - 1]) ? 10 : strchr("mM", text[n - 1]) ? 20 : 30;
        n--;
    }
    if (n == 0 || n >= sizeof number)
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    if (!cli_read_int(number, bytes) || *bytes < 1 || *bytes > INT64_MAX >> shift)
        return false;
    *bytes <<= shift;
    return true;
}

/* How HDFS is reached, where an option says it. Returns -1 to go on, else the exit status. */
static int configure_hdfs(void)
{
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (cli.hdfs_key && !cli.hdfs_cert)
        return cli_usage("--hdfs-key needs --hdfs-cert");
    if (cli.hdfs_retry_s < 0 || cli.hdfs_retry_s > 1e9)
        return cli_usage("--hdfs-retry is out of range, wanted seconds above 0");
    o.ca_file = cli.hdfs_ca;
    o.cert_file = cli.hdfs_cert;
    o.key_file = cli.hdfs_key;
    o.datanodes = cli.hdfs_datanodes;
    o.retry_ms = (int64_t)(cli.hdfs_retry_s * 1000);
    o.flags = cli.hdfs_any_host_name ? DL4C_WEBHDFS_ANY_HOST_NAME : 0;
    if (!o.ca_file && !o.cert_file && !o.datanodes && !o.retry_ms && !o.flags)
        return -1;
    return dl4c_webhdfs_configure(cli.ctx, &o, &err) == DL4C_OK ? -1 : cli_fail(&err);
}

int cli_begin(void)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (cli.memory_limit && !read_bytes(cli.memory_limit, &o.memory_limit_bytes))
        return cli_usage("--memory-limit is \"%s\", wanted a number of bytes, with k, m or g", cli.memory_limit);
    if (strcmp(cli.progress, "auto") != 0 && strcmp(cli.progress, "plain") != 0 && strcmp(cli.progress, "json") != 0 &&
        strcmp(cli.progress, "none") != 0)
        return cli_usage("--progress is \"%s\", wanted auto, plain, json or none", cli.progress);
    if (cli.threads < 0 || cli.threads > 4096)
        return cli_usage("--threads is %lld, wanted 0 to 4096", (long long)cli.threads);
    o.threads = (int32_t)cli.threads;
    o.log = cli.quiet ? NULL : on_log;
    if (dl4c_context_create(&o, &cli.ctx, &err) != DL4C_OK)
        return cli_fail(&err);
    return configure_hdfs();
}

bool cli_quiet_or_none(void) { return cli.quiet || strcmp(cli.progress, "none") == 0; }

void cli_progress_end(void)
{
    flockfile(stderr); /* which guards show_bar too */
    if (cli.show_bar)
        fputc('\n', stderr);
    cli.show_bar = false;
    funlockfile(stderr);
}

/* Of what is counted in bytes: megabytes. */
static bool in_bytes(const struct dl4c_progress *p) { return strcmp(p->stage, "copy") == 0; }

static double shown(const struct dl4c_progress *p, double n) { return in_bytes(p) ? n * 1e-6 : n; }

/* Megabytes a second that a stage reads, from its first report on; 0 where it reads nothing, or counts in bytes anyway. */
static double megabytes(const struct dl4c_progress *p)
{
    static const char *stage;
    static double start;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const double now = (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
    if (p->stage != stage || p->bytes == 0) {
        stage = p->stage;
        start = now;
    }
    return now > start && !in_bytes(p) ? (double)p->bytes * 1e-6 / (now - start) : 0;
}

static void bar(const struct dl4c_progress *p, double mb)
{
    enum { WIDTH = 28 };
    const int full = p->total > 0 ? (int)(p->percent * WIDTH / 100) : 0;
    fprintf(stderr, "\r\033[K%-10s ", p->stage);
    if (p->total > 0) {
        fputc('[', stderr);
        for (int i = 0; i < WIDTH; i++)
            fputc(i < full ? '=' : i == full ? '>' : ' ', stderr);
        fprintf(stderr, in_bytes(p) ? "] %3.0f%% %.1f/%.1f MB" : "] %3.0f%% %.0f/%.0f", p->percent, shown(p, (double)p->done),
                shown(p, (double)p->total));
    } else {
        fprintf(stderr, in_bytes(p) ? "%.1f MB" : "%.0f", shown(p, (double)p->done));
    }
    fprintf(stderr, " %.1f%s/s", shown(p, p->rate), in_bytes(p) ? " MB" : "");
    if (mb > 0)
        fprintf(stderr, " %.1f MB/s", mb);
    if (p->epoch > 0)
        fprintf(stderr, " epoch %lld", (long long)p->epoch);
    if (isfinite(p->score))
        fprintf(stderr, " score %.4f", p->score);
    if (p->bad > 0)
        fprintf(stderr, " bad %lld", (long long)p->bad);
    if (p->eta_s >= 0)
        fprintf(stderr, " %.0f s left", p->eta_s);
    fflush(stderr);
    cli.show_bar = true;
}

static void json_line(const struct dl4c_progress *p, double mb)
{
    fprintf(stderr, "{\"stage\": \"%s\", \"done\": %lld, \"total\": %lld, \"rate\": ", p->stage, (long long)p->done, (long long)p->total);
    cli_json_number(stderr, p->rate);
    fputs(", \"eta_s\": ", stderr);
    cli_json_number(stderr, p->eta_s < 0 ? NAN : p->eta_s);
    if (p->epoch > 0)
        fprintf(stderr, ", \"epoch\": %lld", (long long)p->epoch);
    if (isfinite(p->score)) {
        fputs(", \"score\": ", stderr);
        cli_json_number(stderr, p->score);
    }
    if (p->bytes > 0) {
        fprintf(stderr, ", \"bytes\": %lld, \"megabytes_a_second\": ", (long long)p->bytes);
        cli_json_number(stderr, mb);
    }
    if (p->bad > 0)
        fprintf(stderr, ", \"bad\": %lld", (long long)p->bad);
    fputs("}\n", stderr);
}

int cli_progress(void *user, const struct dl4c_progress *p)
{
    (void)user;
    static int64_t shown_percent = -1, shown_done = -1;
    static const char *shown_stage;
    if (cli_quiet_or_none())
        return 0;
    const double mb = megabytes(p);
    flockfile(stderr);
    if (strcmp(cli.progress, "json") == 0) {
        json_line(p, mb);
    } else if (strcmp(cli.progress, "auto") == 0 && isatty(STDERR_FILENO)) {
        bar(p, mb);
    } else if (p->stage != shown_stage ||
               (p->done != shown_done && ((int64_t)(p->percent / 10) != shown_percent / 10 || p->done == p->total))) {
        /* a line for every tenth of the way, and one at its end */
        if (in_bytes(p))
            fprintf(stderr, "%s: %.1f of %.1f MB, %.1f MB a second", p->stage, shown(p, (double)p->done), shown(p, (double)p->total),
                    shown(p, p->rate));
        else
            fprintf(stderr, "%s: %lld of %lld, %.1f a second", p->stage, (long long)p->done, (long long)p->total, p->rate);
        if (mb > 0)
            fprintf(stderr, ", %.1f MB/s", mb);
        if (p->epoch > 0)
            fprintf(stderr, ", epoch %lld", (long long)p->epoch);
        if (isfinite(p->score))
            fprintf(stderr, ", score %.4f", p->score);
        if (p->bad > 0)
            fprintf(stderr, ", %lld bad", (long long)p->bad);
        if (p->eta_s >= 0 && p->done < p->total)
            fprintf(stderr, ", %.0f s left", p->eta_s);
        fputc('\n', stderr);
    }
    funlockfile(stderr);
    shown_stage = p->stage;
    shown_percent = (int64_t)p->percent;
    shown_done = p->done;
    return 0;
}

int cli_write_text(const char *uri, const char *text)
{
    if (!uri || strcmp(uri, "-") == 0) {
        fputs(text, stdout);
        return CLI_DONE;
    }
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_writer *w = NULL;
    if (dl4c_fs_create(cli.ctx, uri, &w, &err) != DL4C_OK)
        return cli_fail(&err);
    if (dl4c_fs_write(w, text, strlen(text), &err) != DL4C_OK) {
        dl4c_fs_abandon(&w);
        return cli_fail(&err);
    }
    return dl4c_fs_commit(&w, &err) == DL4C_OK ? CLI_DONE : cli_fail(&err);
}

dl4c_status cli_load(const char *uri, dl4c_graph **graph, struct dl4c_error *err)
{
    struct dl4c_load_options o = DL4C_LOAD_OPTIONS_INIT;
    o.cancel = &cli_cancel;
    return dl4c_model_load(cli.ctx, uri, &o, graph, err);
}

bool cli_can_write(const char *uri)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_writer *w = NULL;
    if (!uri || strcmp(uri, "-") == 0)
        return true;
    if (dl4c_fs_create(cli.ctx, uri, &w, &err) != DL4C_OK)
        return cli_fail(&err) == CLI_DONE;
    dl4c_fs_abandon(&w);
    return true;
}

bool cli_can_save(const char *uri)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dl4c_format_for(cli.ctx, uri, NULL, &err) != DL4C_OK)
        return cli_fail(&err) == CLI_DONE;
    return cli_can_write(uri);
}
