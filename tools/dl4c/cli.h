/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of dl4c share: arguments, exit codes, progress, output. Only the public API is seen here. */
#ifndef CLI_H
#define CLI_H

#include <dl4c/dl4c.h>
#include <stdbool.h>
#include <stdio.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* One option of a subcommand. */
enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_NUMBER };
struct cli_option {
    const char *name; /* "--batch", "-o" */
    enum cli_kind kind;
    void *value;      /* bool *, const char **, int64_t *, double * */
    const char *help; /* NULL: not listed */
};

/* Options common to all subcommands, filled by cli_parse. */
struct cli_common {
    int64_t threads;
    const char *memory_limit;
    const char *progress; /* auto, plain, json, none */
    bool quiet;
    const char *hdfs_ca, *hdfs_cert, *hdfs_key, *hdfs_datanodes;
    bool hdfs_any_host_name;
    double hdfs_retry_s; /* 0: the library's default */
    dl4c_context *ctx; /* made by cli_begin */
    bool show_bar;     /* a line that is rewritten is on the terminal */
};
extern struct cli_common cli;

/* Reads argv[1..] of a subcommand: options anywhere, positional arguments into positional[0..max). `min` are wanted. Returns -1 to go
 * on, else the exit status (0 after --help, 2 after wrong usage, with a sentence on stderr). */
int cli_parse(int argc, char **argv, const char *usage, const struct cli_option *options, const char **positional, int min, int max,
              int *n_positional);
/* Makes the context of the common options. */
int cli_begin(void);
/* Prints an error as one sentence; returns CLI_FAILED, of which main makes 130 or 143 where a signal asked for the end. */
int cli_fail(const struct dl4c_error *err);
int cli_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The value of --precision, f32 where it is not given. Returns -1 to go on, else the exit status. */
int cli_precision(const char *name, int32_t *precision);
#define CLI_PRECISION_HELP "f32, bf16-weights, bf16 or int8-weights: of weights and products"
/* Fills an error of a command's own. */
dl4c_status cli_error(struct dl4c_error *err, dl4c_status status, const char *origin, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Progress for the options of long calls. */
int cli_progress(void *user, const struct dl4c_progress *p);
void cli_progress_end(void);
/* Set by SIGINT and SIGTERM; long calls get its address. */
extern int32_t cli_cancel;

/* Loads a model; a signal ends it. */
dl4c_status cli_load(const char *uri, dl4c_graph **graph, struct dl4c_error *err);
/* Whether a file can be written under a name, to be asked before long work; true for NULL and "-". Prints what is wrong. */
bool cli_can_write(const char *uri);
/* The same for a model, whose name says its format. */
bool cli_can_save(const char *uri);
/* Writes text whole under a name, or to stdout where it is NULL or "-". */
int cli_write_text(const char *uri, const char *text);
/* "16x16", "224": height and width. */
bool cli_parse_size(const char *text, int32_t *height, int32_t *width);
/* "dl4c" and the arguments as a shell would take them again; the caller frees it. NULL: no memory. */
char *cli_command_line(int argc, char **argv);
/* Splits "a,b,c" in place; returns the number, at most max. */
int cli_split(char *text, const char **parts, int max);
/* A field of a table with tabs between: tab, line feed, carriage return and backslash become \t, \n, \r and \\. The caller frees it.
 * NULL: no memory. */
char *cli_tsv(const char *text);
/* A JSON string, with quotes; what is no UTF-8 becomes U+FFFD. */
void cli_json_string(FILE *f, const char *text);
/* A JSON number, "null" where it is not finite; the same under every locale. */
void cli_json_number(FILE *f, double v);
bool cli_quiet_or_none(void);

/* What --memory says: default or low, NULL: default. Returns -1 to go on, else the exit status. */
#define CLI_MEMORY_OPTION(text)                                                                                                            \
    {                                                                                                                                      \
        "--memory", CLI_TEXT, &(text), "default or low: without the larger weights that some kernels are faster with"                      \
    }
int cli_read_memory(const char *text, bool *low);
/* "I/N"; NULL gives 0 and 0. Returns -1 to go on, else the exit status. */
int cli_read_part(const char *text, int32_t *part, int32_t *n_parts);

/* Numbers written with a point under every locale. */
bool cli_read_int(const char *text, int64_t *out);
bool cli_read_number(const char *text, double *out);
/* A stream into memory: *text is the caller's to free after fclose. */
FILE *cli_memory_file(char **text, size_t *size);

/* The weights of --class-weights FILE, an array of one for each class that the caller frees. Returns -1 to go on, else the exit status. */
int cli_read_class_weights(const char *uri, dl4c_features *f, float **weights);

/* Images on the command line. */
struct cli_images {
    const char *images, *list, *size, *preprocess, *resize, *fit, *exif, *on_bad, *max_bad;
    int64_t read_ahead;
    bool tolerate;
};
#define CLI_IMAGE_OPTIONS(im)                                                                                                              \
    { "--images", CLI_TEXT, &(im).images, "directory or URI of the images" },                                                              \
        { "--list", CLI_TEXT, &(im).list, "FILE of paths, one a line, relative to the images" },                                           \
        { "--size", CLI_TEXT, &(im).size, "HxW fed to the network; else the model's own" },                                                \
        { "--preprocess", CLI_TEXT, &(im).preprocess, "none, scale01, dl4j, vgg16, keras-vgg16, torchvision or tf" },                      \
        { "--resize", CLI_TEXT, &(im).resize, "dl4j, pillow or nearest" }, { "--fit", CLI_TEXT, &(im).fit, "stretch, crop or pad" },       \
        { "--exif", CLI_TEXT, &(im).exif, "on or off: turn images as their EXIF orientation says" },                                       \
        { "--on-bad-image", CLI_TEXT, &(im).on_bad, "skip or fail" },                                                                      \
        { "--max-bad", CLI_TEXT, &(im).max_bad, "N or P%: more bad images fail the run" },                                                 \
        { "--read-ahead", CLI_INT, &(im).read_ahead, "files of HDFS on their way or in memory before they are decoded, 32" },              \
    {                                                                                                                                      \
        "--tolerate", CLI_FLAG, &(im).tolerate, "take images with corruption warnings as far as they go"                                   \
    }
/* Fills reader options. Returns -1 to go on, else the exit status. `preprocess` is memory for the text. */
int cli_image_reader(const struct cli_images *im, dl4c_graph *for_graph, struct dl4c_reader_options *o, char *preprocess, size_t size);

/* Whether a directory holds the record of a training run; draws its curves. */
bool cli_is_run_dir(const char *uri);
int cli_plot_run(const char *dir, const char *out);
/* What a training said after each epoch: n rows in arrays of `room`, NaN where there was no validation. */
struct cli_curve {
    double *train_score, *val_score, *val_accuracy;
    int64_t n, room;
};
int cli_plot_curve(const struct cli_curve *curve, const char *out);

typedef int cli_command_fn(int argc, char **argv);
#define CLI_COMMANDS(X)                                                                                                                    \
    X(summary, "prints the layers of a model")                                                                                             \
    X(plot, "draws a model as DOT or SVG, or the curves of a training run")                                                                \
    X(convert, "writes a model in another format")                                                                                         \
    X(run, "runs a model on a .npy file")                                                                                                  \
    X(score, "prints the loss of a model on a .npy file")                                                                                  \
    X(split, "splits a folder of images into train, validation and test")                                                                  \
    X(featurize, "runs images once through a model and stores the features")                                                               \
    X(train, "trains a head on stored features")                                                                                           \
    X(join, "makes one model of a trunk and a head")                                                                                       \
    X(evaluate, "evaluates a classifier on stored features")                                                                               \
    X(predict, "classifies images")                                                                                                        \
    X(compare, "compares two models stage by stage and says why they differ")                                                              \
    X(fetch, "brings published weights into the cache")                                                                                    \
    X(fs, "copies, lists and removes files, of HDFS too")                                                                                  \
    X(worker, "joins a training that another process leads")                                                                               \
    X(monitor, "serves a web page over training runs, live and after")                                                                     \
    X(zoo, "lists well-known networks, or writes one")                                                                                     \
    X(version, "says what this build and machine are")
#define CLI_DECLARE(name, help) cli_command_fn cmd_##name;
CLI_COMMANDS(CLI_DECLARE)
#undef CLI_DECLARE

#endif
