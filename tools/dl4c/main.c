/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c: the library from a shell. One file per subcommand; contracts that scripts depend on are in docs/reference/cli.md. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <locale.h>
#include <signal.h>
#include <string.h>

struct command {
    const char *name, *help;
    cli_command_fn *run;
};
#define CLI_ROW(name, help) { #name, help, cmd_##name },
static const struct command commands[] = { CLI_COMMANDS(CLI_ROW) };
#undef CLI_ROW
enum { COMMANDS = sizeof commands / sizeof *commands };

static volatile sig_atomic_t caught;
int32_t cli_cancel;

static void on_signal(int number)
{
    caught = number;
    dl4c_cancel_set(&cli_cancel);
}

static void list_commands(FILE *f)
{
    fprintf(f, "usage: dl4c COMMAND [arguments]\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(f, "\nEvery command takes --help, --threads N, --memory-limit BYTES[k|m|g], --progress auto|plain|json|none, --quiet.\n");
}

/* The status, unless results did not reach standard output. */
static int written(int status)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || status != CLI_DONE)
        return status;
    fprintf(stderr, "dl4c: standard output could not be written\n");
    return CLI_FAILED;
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* numbers are read and printed with a point */
    if (argc < 2) {
        list_commands(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        list_commands(stdout);
        return written(CLI_DONE);
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = (char *)"version";
    struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND }; /* who asks twice is obeyed at once */
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    dl4c_fs_watch(&cli_cancel);
    signal(SIGXFSZ, SIG_IGN); /* a file past the limit is a failure to write, with a sentence */
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, argv[1]) == 0) {
            int status = commands[i].run(argc - 1, argv + 1);
            cli_progress_end();
            dl4c_context_destroy(&cli.ctx);
            status = written(status);
            return status == CLI_FAILED && caught ? 128 + (int)caught : status;
        }
    return cli_usage("there is no command \"%s\"; dl4c --help lists them", argv[1]);
}
