# SPDX-License-Identifier: Apache-2.0
"""Pillow as the judge of decoding, resizing and fitting: the shared library is called through ctypes, every byte must be equal.

    pillow.py LIBRARY

Exits with 77 where Pillow is not installed."""
import ctypes
import io
import sys

try:
    import PIL
    from PIL import Image, ImageOps
except ImportError:
    print("skipped: Pillow is not installed")
    sys.exit(77)

lib = ctypes.CDLL(sys.argv[1])
P = ctypes.c_void_p
lib.dl4c_image_stride.restype = ctypes.c_size_t
lib.dl4c_image_pixels.restype = P
DL4J, PILLOW, NEAREST = 0, 1, 2
STRETCH, CROP, PAD = 0, 1, 2


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("domain", ctypes.c_int32), ("code", ctypes.c_int64), ("origin", ctypes.c_char * 24),
                ("message", ctypes.c_char * 472)]


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("max_pixels", ctypes.c_int64), ("max_scans", ctypes.c_int32),
                ("reserved", ctypes.c_int32), ("flags", ctypes.c_uint64)]


def check(status, err):
    if status != 0:
        raise SystemExit("status %d: %s" % (status, err.message.decode()))


def taken(handle):
    """What a dl4c_image holds, as a Pillow image; the handle is destroyed."""
    w, h, c = (getattr(lib, "dl4c_image_" + n)(handle) for n in ("width", "height", "channels"))
    data = ctypes.string_at(lib.dl4c_image_pixels(handle), h * lib.dl4c_image_stride(handle))
    lib.dl4c_image_destroy(ctypes.byref(handle))
    return Image.frombytes("L" if c == 1 else "RGB", (w, h), data)


def fit(image, size, method, how, enlarge=1.0):
    data = ctypes.create_string_buffer(image.tobytes(), image.width * image.height * len(image.getbands()))
    src, out, err = P(), P(), Error()
    channels = len(image.getbands())
    check(lib.dl4c_image_wrap(None, image.width, image.height, channels, data, ctypes.c_size_t(image.width * channels), None, None,
                              ctypes.byref(src), ctypes.byref(err)), err)
    check(lib.dl4c_image_fit(src, size[0], size[1], method, how, ctypes.c_double(enlarge), ctypes.byref(out), ctypes.byref(err)), err)
    lib.dl4c_image_destroy(ctypes.byref(src))
    return taken(out)


def decode(data, flags=0):
    out, err = P(), Error()
    options = Options(ctypes.sizeof(Options), 0, 0, 0, flags)
    check(lib.dl4c_image_decode(None, data, ctypes.c_size_t(len(data)), ctypes.byref(options), ctypes.byref(out), ctypes.byref(err)), err)
    return taken(out)


state = 1


def noise(n):
    """Bytes that are the same everywhere and always."""
    global state
    out = bytearray(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return bytes(out)


def picture(mode, w, h):
    small = Image.frombytes(mode, (w, h), noise(w * h * len(mode)))
    return small


cases = wrong = 0


def same(what, ours, theirs):
    global cases, wrong
    cases += 1
    if ours.size != theirs.size or ours.mode != theirs.mode or ours.tobytes() != theirs.tobytes():
        wrong += 1
        print("%s: differs from Pillow (%s %s, Pillow %s %s)" % (what, ours.mode, ours.size, theirs.mode, theirs.size))


def bilinear(image, size):
    """Image.resize as Pillow 13 does it: from that release on the vertical pass may come first."""
    lost = image.height - size[1], image.width - size[0]
    if int(PIL.__version__.split(".")[0]) < 13 and lost[0] > 0 and lost[0] > 2 * lost[1]:
        image = image.resize((image.width, size[1]), Image.BILINEAR)
    return image.resize(size, Image.BILINEAR)


def pad(image, size):
    fitted = ImageOps.contain(Image.new("L", image.size), size).size
    out = Image.new(image.mode, size)
    out.paste(bilinear(image, fitted), (round((size[0] - fitted[0]) * 0.5), round((size[1] - fitted[1]) * 0.5)))
    return out


def crop_as_torchvision(image, size, enlarge):
    """torchvision.transforms.Resize(shorter side) and CenterCrop, for any size."""
    tw, th = (int(s * enlarge + 0.5) for s in size)
    w, h = image.size
    if w * th <= h * tw:
        new = (tw, int(tw * h / w))
    else:
        new = (int(th * w / h), th)
    resized = bilinear(image, new)
    left, top = int(round((new[0] - size[0]) / 2.0)), int(round((new[1] - size[1]) / 2.0))
    return resized.crop((left, top, left + size[0], top + size[1]))


sides = [1, 2, 3, 5, 16, 17, 31, 64, 100, 127, 224, 301]
for i, (w, h) in enumerate((a, b) for a in sides for b in sides[::-1]):
    image = picture("RGB" if i % 3 else "L", w, h)
    for size in ((1, 1), (7, 3), (32, 40), (w, 19), (2 * w, h), (w, h))[i % 2::2]:
        what = "%s %dx%d to %dx%d" % (image.mode, w, h, size[0], size[1])
        same(what + " pillow", fit(image, size, PILLOW, STRETCH), bilinear(image, size))
        same(what + " nearest", fit(image, size, NEAREST, STRETCH), image.resize(size, Image.NEAREST))
        same(what + " crop", fit(image, size, PILLOW, CROP, 256 / 224), crop_as_torchvision(image, size, 256 / 224))
        same(what + " crop", fit(image, size, PILLOW, CROP), crop_as_torchvision(image, size, 1))
        if size[0] * h >= w and size[1] * w >= h:  # else ImageOps.pad would make a side of 0
            same(what + " pad", fit(image, size, PILLOW, PAD), pad(image, size))

for quality, subsampling in ((95, 0), (75, 1), (30, 2)):
    for progressive in (False, True):
        for mode in ("L", "RGB", "CMYK"):
            image = Image.frombytes(mode, (61, 47), noise(61 * 47 * len(mode))).resize((97, 63), Image.BILINEAR)
            f = io.BytesIO()
            image.save(f, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
            theirs = Image.open(f)
            same("JPEG %s q%d s%d p%d" % (mode, quality, subsampling, progressive), decode(f.getvalue()),
                 theirs.convert("RGB") if mode == "CMYK" else theirs)

for orientation in range(1, 9):
    image = picture("RGB", 37, 21)
    f = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(f, "JPEG", exif=exif)
    same("orientation %d" % orientation, decode(f.getvalue()), ImageOps.exif_transpose(Image.open(f)))
    same("orientation %d ignored" % orientation, decode(f.getvalue(), 1), Image.open(f))

try:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        image = picture("RGBA", 37, 21).convert(mode)
        for bits in (1, 2, 4, 8) if mode == "P" else (8,):
            if mode == "P":
                image = picture("RGB", 37, 21).quantize(1 << bits)
            f = io.BytesIO()
            image.save(f, "PNG", **({"bits": bits} if mode == "P" else {}))
            theirs = Image.open(f)
            same("PNG %s %d" % (mode, bits), decode(f.getvalue()), theirs.convert("L" if mode in ("1", "L", "LA") else "RGB"))
except SystemExit as e:
    if "without PNG" not in str(e):
        raise

print("%d cases, %d differ; Pillow %s" % (cases, wrong, PIL.__version__))
sys.exit(1 if wrong else 0)
