/* SPDX-License-Identifier: Apache-2.0 */
/* Splits a folder of images into three lists, a network at a vertex, and pushes every image once through the trunk.
 *
 *     03_split_featurize MODEL VERTEX IMAGES OUT
 *
 * IMAGES has a subfolder a class. OUT gets lists/ and one features store for each of train, val and test. */
#include <dl4c/dl4c.h>
#include <stdio.h>

static dl4c_status featurize_part(dl4c_graph *trunk, const char *images, const char *out, const char *part, struct dl4c_error *err)
{
    char list[1024], store[1024];
    dl4c_reader *reader = NULL;
    snprintf(list, sizeof list, "%s/lists/%s.txt", out, part);
    snprintf(store, sizeof store, "%s/%s", out, part);

    /* Size and preprocessing are what the model records; a model that records none needs ro.height, ro.width, ro.preprocess. */
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    ro.for_graph = trunk;
    ro.list = list;
    struct dl4c_featurize_options fo = DL4C_FEATURIZE_OPTIONS_INIT;
    fo.overwrite = 1;
    dl4c_status status = dl4c_reader_open(NULL, images, &ro, &reader, err);
    if (status == DL4C_OK)
        status = dl4c_featurize(trunk, reader, store, &fo, err);

    /* Bad images are left out, and told. */
    for (int64_t k = 0; status == DL4C_OK && k < dl4c_reader_bad_count(reader); k++) {
        int64_t image;
        const char *reason;
        if (dl4c_reader_bad(reader, k, &image, &reason, NULL) == DL4C_OK)
            printf("left out: %s: %s\n", dl4c_reader_path(reader, image), reason);
    }
    dl4c_reader_close(&reader);
    return status;
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *model = NULL, *trunk = NULL;
    dl4c_features *store = NULL;
    static const char *const parts[] = { "train", "val", "test" };
    int64_t counts[3], shape[DL4C_MAX_RANK];
    char path[1024];

    if (argc != 5) {
        fprintf(stderr, "usage: %s MODEL VERTEX IMAGES OUT\n", argv[0]);
        return 2;
    }
    const char *at[] = { argv[2] };
    if (dl4c_model_load(NULL, argv[1], NULL, &model, &err) || dl4c_graph_split(model, at, 1, NULL, &trunk, NULL, &err))
        goto done;

    struct dl4c_split_dir_options so = DL4C_SPLIT_DIR_OPTIONS_INIT;
    so.train = 0.5;
    so.val = 0.25;
    so.test = 0.25;
    snprintf(path, sizeof path, "%s/lists", argv[4]);
    if (dl4c_split_dir(NULL, argv[3], path, &so, counts, &err))
        goto done;
    printf("train %lld, val %lld, test %lld\n", (long long)counts[0], (long long)counts[1], (long long)counts[2]);

    for (int i = 0; i < 3; i++)
        if (featurize_part(trunk, argv[3], argv[4], parts[i], &err))
            goto done;

    snprintf(path, sizeof path, "%s/train", argv[4]);
    if (dl4c_features_open(NULL, path, NULL, &store, &err))
        goto done;
    const int32_t rank = dl4c_features_shape(store, shape);
    printf("%lld rows of", (long long)dl4c_features_rows(store));
    for (int32_t i = 0; i < rank; i++)
        printf(" %lld", (long long)shape[i]);
    printf(", %d classes\n", dl4c_features_class_count(store));
done:
    dl4c_features_close(&store);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&model);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
