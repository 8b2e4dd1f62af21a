/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG and PNG. A picture takes what its size says, which the default limits bound; here a far smaller one keeps inputs quick. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dl4c_image_options o = DL4C_IMAGE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_image *image = NULL, *small = NULL;
    o.max_pixels = 1 << 18;
    o.flags = size % 2 ? DL4C_IMAGE_TOLERATE : 0;
    dl4c_status status = dl4c_image_decode(fuzz_context(), bytes, size, &o, &image, &err);
    fuzz_check(status, image, &err);
    if (image) {
        err = (struct dl4c_error)DL4C_ERROR_INIT;
        status = dl4c_image_resize(image, 8, 8, DL4C_RESIZE_DL4J, &small, &err);
        fuzz_check(status, small, &err);
    }
    dl4c_image_destroy(&small);
    dl4c_image_destroy(&image);
    fuzz_balanced(size, 0, 0);
    return 0;
}
