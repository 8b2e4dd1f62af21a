/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Images: decode JPEG, PNG and BMP, resize to the bit as OpenCV, Pillow and Keras do, and turn pixels into a network's input.
 *
 * Pixels are 8 bits a channel, one channel (grey) or three (red, green, blue), rows from top to bottom, channels side by side.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_IMAGE_H
#define DL4C_IMAGE_H

#include <dl4c/tensor.h>

DL4C_BEGIN

/** A picture in memory; one owner. Different images may be used by different threads; one image by one thread, or by many that read. */
typedef struct dl4c_image dl4c_image;

enum {
    DL4C_IMAGE_IGNORE_EXIF = 1, /**< keep the stored orientation; without it the image is turned upright as its EXIF tag says */
    DL4C_IMAGE_TOLERATE = 2,    /**< decode on where libjpeg warns, EXIF is malformed or only the end mark is missing, not where rows are */
    DL4C_IMAGE_CMYK_OPENCV = 4  /**< turn CMYK into RGB with OpenCV's rounding; without it with Pillow's (they differ by at most 1) */
};

/** How to decode. Zero everywhere: all defaults. */
struct dl4c_image_options {
    size_t struct_size;
    int64_t max_pixels; /**< width times height at most; 0: 178956970, where Pillow refuses too (a JPEG then takes up to 6 bytes a pixel) */
    int32_t max_scans;  /**< scans of a JPEG at most (each costs a pass over the image; encoders make about 10); 0: 100 */
    int32_t reserved;   /**< must be 0 */
    uint64_t flags;     /**< DL4C_IMAGE_* */
};
#define DL4C_IMAGE_OPTIONS_INIT { sizeof(struct dl4c_image_options), 0, 0, 0, 0 }

/** What a file's header says. Filled by dl4c_image_probe. */
struct dl4c_image_info {
    size_t struct_size;
    const char *format;  /**< "jpeg", "png" or "bmp"; static storage */
    int32_t width;       /**< as stored, before any turning */
    int32_t height;      /**< as stored */
    int32_t channels;    /**< after decoding: 1 or 3 */
    int32_t orientation; /**< 1 to 8 as EXIF counts them; 1 where the file says nothing */
};
#define DL4C_IMAGE_INFO_INIT { sizeof(struct dl4c_image_info), 0, 0, 0, 0, 0 }

/**
 * Reads the header of a JPEG, PNG or BMP file in memory, and decodes nothing. Limits and errors are those of dl4c_image_decode.
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_image_probe(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_image_options *options,
                                      struct dl4c_image_info *info, struct dl4c_error *err);

/**
 * Decodes a JPEG, PNG or BMP file in memory; which one it is, its first bytes say.
 *
 * JPEG: baseline, extended, progressive, Huffman and arithmetic coding, 8 bits; grey stays one channel, YCbCr, RGB, CMYK and YCCK
 * become RGB. The pixels are libjpeg's with its defaults (slow integer DCT, smooth upsampling). PNG: every kind; a palette becomes
 * RGB, alpha is dropped without compositing, of 16 bits the upper 8 are kept, gamma and profiles are not applied.
 * BMP: palettes of 1, 4 and 8 bits (one of greys gives one channel), 24 and 32 bits, alpha dropped.
 *
 * @param bytes    The file, borrowed during the call.
 * @param options  NULL: all defaults.
 * @param img      Receives the image, owned by the caller; NULL on failure.
 * @retval DL4C_E_CORRUPT      damaged or truncated, or (without DL4C_IMAGE_TOLERATE) decodable with a warning; the message says where
 * @retval DL4C_E_UNSUPPORTED  another format (TIFF, which DataVec reads, and GIF, which it does not, by name), 12-bit JPEG, PNG in a
 *                             build without it; the message names what was found
 * @retval DL4C_E_LIMIT        more pixels or scans than allowed, or the context's memory limit
 * Threads: safe. Cost: O(pixels). Since: 0.1.
 */
DL4C_API dl4c_status dl4c_image_decode(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_image_options *options,
                                       dl4c_image **img, struct dl4c_error *err);

/** A black image. @retval DL4C_E_INVALID  a side below 1 or above 1000000, channels other than 1 and 3. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_image_create(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, dl4c_image **img,
                                       struct dl4c_error *err);

/**
 * An image over the caller's memory, without a copy.
 * @param pixels   Row 0; row y begins @p stride_bytes * y later. Must live until @p release runs.
 * @param release  Called once with @p cookie by dl4c_image_destroy; may be NULL. If wrap fails it is not called.
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_image_wrap(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, void *pixels, size_t stride_bytes,
                                     dl4c_release_cookie_fn release, void *cookie, dl4c_image **img, struct dl4c_error *err);

/** A copy with memory of its own, rows without gaps. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_image_clone(const dl4c_image *img, dl4c_image **copy, struct dl4c_error *err);

/** Takes NULL; writes NULL. */
DL4C_API void dl4c_image_destroy(dl4c_image **img);

/** Pixels of a row. Threads: safe. Since: 0.1. */
DL4C_API int32_t dl4c_image_width(const dl4c_image *img);
/** Number of rows. Threads: safe. Since: 0.1. */
DL4C_API int32_t dl4c_image_height(const dl4c_image *img);
/** 1 (grey) or 3 (red, green, blue). */
DL4C_API int32_t dl4c_image_channels(const dl4c_image *img);
/** Bytes from one row to the next. */
DL4C_API size_t dl4c_image_stride(const dl4c_image *img);
/** The first row; borrowed, may be written to. */
DL4C_API uint8_t *dl4c_image_pixels(dl4c_image *img);
/** The same to read only. */
DL4C_API const uint8_t *dl4c_image_pixels_const(const dl4c_image *img);

/** The image as an EXIF orientation (1 to 8) wants to be seen, in memory of its own. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_image_orient(const dl4c_image *img, int32_t orientation, dl4c_image **out, struct dl4c_error *err);

/** One channel from three, as OpenCV does it: (3735 B + 19235 G + 9798 R + 16384) >> 15; three equal ones from one. */
DL4C_API dl4c_status dl4c_image_convert(const dl4c_image *img, int32_t channels, dl4c_image **out, struct dl4c_error *err);

/** How pixels are interpolated. Each equals its model to the bit. Values never change. */
enum {
    DL4C_RESIZE_DL4J = 0,   /**< OpenCV's 8-bit bilinear, as Deeplearning4j's DataVec uses it: not antialiased */
    DL4C_RESIZE_PILLOW = 1, /**< Pillow's bilinear: antialiased when shrinking */
    DL4C_RESIZE_NEAREST = 2 /**< Pillow's nearest, as Keras' load_img uses it */
};

/** How an image of another shape is brought to the wanted one. Values never change. */
enum {
    DL4C_FIT_STRETCH = 0,  /**< both sides are scaled on their own */
    DL4C_FIT_CROP = 1,     /**< scaled so that it covers `enlarge` times the size, then the centre is cut out, as torchvision does */
    DL4C_FIT_PAD = 2,      /**< scaled so that it lies inside, black around it, as Pillow's ImageOps.pad does */
    DL4C_FIT_DL4J_CROP = 3 /**< the longer side is cut first, as DataVec's centerCropIfNeeded does, then stretched */
};

/**
 * Scales an image to exactly @p width by @p height.
 * @param method  One of DL4C_RESIZE_*.
 * Threads: safe. Cost: O(input + output). Since: 0.1.
 */
DL4C_API dl4c_status dl4c_image_resize(const dl4c_image *img, int32_t width, int32_t height, int32_t method, dl4c_image **out,
                                       struct dl4c_error *err);

/**
 * Brings an image to @p width by @p height as @p fit (DL4C_FIT_*) says.
 * @param enlarge  For DL4C_FIT_CROP, 1 to 16; 0 means 1. torchvision's presets use 256/224: at 224 the shorter side becomes 256.
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_image_fit(const dl4c_image *img, int32_t width, int32_t height, int32_t method, int32_t fit, double enlarge,
                                    dl4c_image **out, struct dl4c_error *err);

/* ---- preprocessing ------------------------------------------------------------------------------------------- */

enum { DL4C_ORDER_RGB = 0, DL4C_ORDER_BGR = 1 };
enum { DL4C_CMYK_PILLOW = 0, DL4C_CMYK_OPENCV = 1 };

/**
 * How a file becomes a network's input. Channel k of the result is (pixel / divide - mean[k]) / std[k] in float arithmetic, k counted
 * in `order`. Make one with dl4c_preprocess_named or dl4c_preprocess_parse, then change what should differ. Layout frozen.
 */
struct dl4c_preprocess {
    char name[24];       /**< the preset it began as */
    int32_t order;       /**< DL4C_ORDER_* */
    int32_t resize;      /**< DL4C_RESIZE_* */
    int32_t fit;         /**< DL4C_FIT_* */
    int32_t ignore_exif; /**< 1: keep the stored orientation */
    int32_t cmyk;        /**< DL4C_CMYK_* */
    float divide;        /**< 1, 127.5 or 255 in the presets */
    double enlarge;      /**< of DL4C_FIT_CROP: 256/224 in torchvision, else 1 */
    float mean[3];
    float std[3];
};

/** Number of presets: none, scale01, dl4j, vgg16, keras-vgg16, torchvision, tf. Threads: safe. */
DL4C_API int32_t dl4c_preprocess_count(void);

/** Preset @p i, NULL outside 0..count-1. Static storage. Threads: safe. */
DL4C_API const struct dl4c_preprocess *dl4c_preprocess_get(int32_t i);

/** Copies the preset of that name. @retval DL4C_E_NOTFOUND  there is none; the message lists them. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_preprocess_named(const char *name, struct dl4c_preprocess *p, struct dl4c_error *err);

/**
 * Reads "vgg16" or "vgg16:resize=pillow,fit=crop,exif=off": a preset and what differs. Keys: order=rgb|bgr, divide, mean and std (one
 * number or three joined by ';'), resize=dl4j|pillow|nearest, fit=stretch|crop|pad|dl4j-crop, enlarge, exif=on|off,
 * cmyk=pillow|opencv. On failure *p is unchanged. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_preprocess_parse(dl4c_context *ctx, const char *text, struct dl4c_preprocess *p, struct dl4c_error *err);

/** The shortest text that dl4c_preprocess_parse reads back as the same; freed by dl4c_free. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_preprocess_print(dl4c_context *ctx, const struct dl4c_preprocess *p, char **text, struct dl4c_error *err);

/**
 * Fits, resizes and normalises a decoded image.
 *
 * A grey image fed to three channels is repeated, a colour image fed to one channel becomes grey first (dl4c_image_convert). EXIF
 * and CMYK were settled by decoding and play no part here: pass dl4c_preprocess_options to the decoder.
 *
 * @param channels  1 or 3; with 1, mean[0] and std[0] are used and all three must be equal.
 * @param out       [channels, height, width] floats, written whole; untouched on failure.
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_image_to_floats(const dl4c_image *img, const struct dl4c_preprocess *p, int32_t channels, int32_t height,
                                          int32_t width, float *out, struct dl4c_error *err);

/** Sets the decoder's flags for EXIF and CMYK as the preprocessing wants them. */
static inline void dl4c_preprocess_options(const struct dl4c_preprocess *p, struct dl4c_image_options *options)
{
    const uint64_t exif = DL4C_IMAGE_IGNORE_EXIF, cmyk = DL4C_IMAGE_CMYK_OPENCV;
    options->flags &= ~(exif | cmyk);
    if (p->ignore_exif)
        options->flags |= exif;
    if (p->cmyk == DL4C_CMYK_OPENCV)
        options->flags |= cmyk;
}

/* ---- transforms ---------------------------------------------------------------------------------------------- */

/** Changes of a picture, one after the other, as DataVec's image transforms make them. Read-only once made: any thread may use it. */
typedef struct dl4c_transform dl4c_transform;

/** Flags of struct dl4c_transform_options. */
enum {
    DL4C_TRANSFORM_SHUFFLE = 1, /**< the steps are made in a random order */
    DL4C_TRANSFORM_JAVA = 2     /**< seeds are those of a java.util.Random; its first draws of neighbouring seeds are much alike */
};

/** The steps. */
struct dl4c_transform_options {
    size_t struct_size;
    /**
     * Texts, 1 to 64, copied:
     * "crop:top=,left=,bottom=,right=,random=on" (edges, or with random=on up to them), "random_crop:width=,height=",
     * "flip:mode=random|vertical|horizontal|both", "resize:width=,height=", "scale:dx=,dy=,random=" (pixels to add to the sides),
     * "rotate:angle=,center_x=,center_y=,scale=,random=" (degrees; what to add to the centre and to 1), "warp:deltas=,random=" (pixels to
     * move the corners by: one number or eight joined by ';'), "box:width=,height=" (centred, black around), "equalize" (the histogram of
     * the first channel in OpenCV's order, blue's place), "color:to=ycrcb|yuv|grey|swapped". With random=on, numbers are multiplied by a
     * random one of -1 to 1. Each also takes p=, the probability that it is made at all, 0 to 1.
     */
    const char *const *steps;
    const double *probabilities; /**< of each step to be made, 0 to 1; NULL: what p= says, else all are made */
    int32_t n_steps;
    int32_t flags; /**< DL4C_TRANSFORM_* */
};
#define DL4C_TRANSFORM_OPTIONS_INIT { sizeof(struct dl4c_transform_options), 0, 0, 0, 0 }

/**
 * Creates a transform.
 * @param t  Receives it; NULL on failure.
 * @retval DL4C_E_NOTFOUND  there is no such step; the message lists them
 * @retval DL4C_E_INVALID   an attribute or a probability outside its range
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transform_create(dl4c_context *ctx, const struct dl4c_transform_options *options, dl4c_transform **t,
                                           struct dl4c_error *err);
/**
 * Creates a transform from one text: steps joined by '/', "flip:p=0.5/rotate:angle=15,random=on/random_crop:width=200,height=200". In
 * front of them may stand the words "shuffle" (DL4C_TRANSFORM_SHUFFLE) and "java" (DL4C_TRANSFORM_JAVA): "shuffle/flip/equalize:p=0.1".
 * Errors are those of dl4c_transform_create.
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transform_parse(dl4c_context *ctx, const char *text, dl4c_transform **t, struct dl4c_error *err);
/** Frees the transform and writes NULL. Takes NULL. Since: 0.1. */
DL4C_API void dl4c_transform_destroy(dl4c_transform **t);

/**
 * Makes the changed picture. The same picture and seed give the same bytes; give each picture and epoch a seed of its own. With
 * DL4C_TRANSFORM_JAVA a step draws what DataVec's draws for its first picture from a java.util.Random of that seed, but random_crop,
 * probabilities and the order, which draw from a sequence of our own. A colour picture's channels 0, 1, 2 after "color" stand as
 * OpenCV's would in the places of blue, green and red.
 * @param out  Receives a new image; NULL on failure.
 * @retval DL4C_E_INVALID  a picture too small for a step, or of one channel where three are wanted
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Cost: O(pixels * steps). Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transform_apply(const dl4c_transform *t, const dl4c_image *img, int64_t seed, dl4c_image **out,
                                          struct dl4c_error *err);

DL4C_END
#endif
