/* SPDX-License-Identifier: Apache-2.0 */
/* Transports in shared objects of their own: what they are linked with is no dependency of the library. */
#define _GNU_SOURCE
#include "transport/module.h"
#include "base/context.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { PATH_ROOM = 4096 };

/* The folder of the file that this code came from: the library's, or that of a program which it is linked into. False: not known. */
static bool own_folder(char folder[PATH_ROOM])
{
    Dl_info here;
    const char *slash;
    if (!dladdr(__extension__(const void *) dli_module_load, &here) || !here.dli_fname || !(slash = strrchr(here.dli_fname, '/')))
        return false;
    const size_t n = (size_t)(slash - here.dli_fname);
    if (n >= PATH_ROOM - 80)
        return false;
    memcpy(folder, here.dli_fname, n);
    folder[n] = '\0';
    return true;
}

/* Of the first that is there. Never a name without a folder, which the environment could send elsewhere. */
static void *open_one(const char *name, char why[300])
{
    static const char *const within[] = { "/dl4c", "", "/../lib", "/../../lib" }; /* installed; built; of programs that were built */
    char folder[PATH_ROOM], path[PATH_ROOM + 100];
    snprintf(why, 300, "nobody knows where the library lies");
    if (!own_folder(folder))
        return NULL;
    for (size_t i = 0; i < sizeof within / sizeof *within; i++) {
        snprintf(path, sizeof path, "%s%s/libdl4c-%.20s.so", folder, within[i], name);
        void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (module)
            return module;
        const char *said = dlerror();
        if (i == 0 || (said && !strstr(said, "No such file"))) /* what is there and does not load says more than what is not */
            snprintf(why, 300, "%.290s", said ? said : "the loader gave no reason");
    }
    return NULL;
}

dl4c_status dli_module_load(dl4c_context *ctx, const char *name, struct dl4c_transport_ops *ops, void **user, void (**release)(void *user),
                            struct dl4c_error *err)
{
    const struct dli_module_host host = { dl4c_version_string(), ctx, dli_alloc, dli_free };
    dli_module_fn fn = NULL;
    char why[300];
    void *module = open_one(name, why);
    void *symbol = module ? dlsym(module, "dl4c_module") : NULL;
    memcpy(&fn, &symbol, sizeof fn); /* ISO C has no cast from void * to a function */
    if (!fn)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "transport", "transport \"%.20s\" is in a module, which cannot be loaded: %s", name,
                        module ? "it is none of this library's" : why);
    return fn(&host, ops, user, release, err);
}
