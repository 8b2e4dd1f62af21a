/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of the file calls fails in turn. */
#define _GNU_SOURCE
#include "fs/fs.h"
#include "memory_fs.h"
#include "support/fail_alloc.h"
#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int nothing(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    (void)arg;
    (void)name;
    (void)stat;
    return 0;
}

static dl4c_status all_calls(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const char *folder = arg;
    char name[80], sub[80];
    dl4c_fs_file *f = NULL;
    char *loaded = NULL;
    const void *bytes;
    size_t size;
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    snprintf(name, sizeof name, "%s/a", folder);
    snprintf(sub, sizeof sub, "file://%s/%%62", folder);
    dl4c_status status = dli_fs_save(ctx, name, "hello", 5, err);
    if (status == DL4C_OK)
        status = dl4c_fs_open(ctx, name, &f, err);
    if (status == DL4C_OK)
        status = dl4c_fs_bytes(f, &bytes, &size, err);
    dl4c_fs_close(&f);
    if (status == DL4C_OK)
        status = dli_fs_load(ctx, name, 100, &loaded, &size, err);
    if (status != DL4C_OK)
        assert_null(loaded);
    dli_free(loaded);
    loaded = NULL;
    if (status == DL4C_OK)
        status = dl4c_fs_mkdir(ctx, sub, err);
    if (status == DL4C_OK)
        status = dl4c_fs_stat_uri(ctx, sub, &s, err);
    if (status == DL4C_OK)
        status = dl4c_fs_list(ctx, folder, nothing, NULL, err);
    if (status == DL4C_OK)
        status = dl4c_fs_rename(ctx, name, sub, err) == DL4C_E_NOMEM ? DL4C_E_NOMEM : DL4C_OK; /* a file cannot become a folder */
    if (status == DL4C_OK)
        status = dli_uri_join(ctx, sub, "a b", &loaded, err);
    dli_free(loaded);
    if (status == DL4C_OK)
        status = dl4c_fs_remove(ctx, sub, err);
    return status;
}

static void local_files_report_nomem_and_leave_nothing(void **state)
{
    (void)state;
    char folder[] = "/tmp/dl4c-fs-XXXXXX", name[80];
    assert_non_null(mkdtemp(folder));
    fail_alloc_run(all_calls, folder);
    snprintf(name, sizeof name, "%s/a", folder);
    assert_int_equal(unlink(name), 0);
    snprintf(name, sizeof name, "%s/b", folder);
    rmdir(name);
    assert_int_equal(rmdir(folder), 0); /* empty: no temporary name is left */
}

static dl4c_status a_tensor_through_the_host(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    struct memory_fs fs;
    const int64_t shape[] = { 3, 5 };
    dl4c_tensor *t = NULL, *back = NULL;
    memset(&fs, 0, sizeof fs);
    dl4c_status status = dl4c_fs_register(ctx, &memory_fs_ops, &fs, NULL, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(ctx, DL4C_F32, shape, 2, &t, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_save_npy(t, "mem://h/t.npy", err);
    if (status == DL4C_OK)
        status = dl4c_tensor_load_npy(ctx, "mem://h/t.npy", &back, err);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&back);
    assert_int_equal(fs.open_files + fs.open_writers, 0);
    memory_fs_clear(&fs);
    return status;
}

static void a_hosts_file_system_gets_every_handle_back(void **state)
{
    (void)state;
    fail_alloc_run(a_tensor_through_the_host, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_files_report_nomem_and_leave_nothing),
        cmocka_unit_test(a_hosts_file_system_gets_every_handle_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
