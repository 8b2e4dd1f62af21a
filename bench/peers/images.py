# SPDX-License-Identifier: Apache-2.0
"""JPEG files, held in memory, to one float array [n, 3, 224, 224] with the means subtracted; work is shared over Python threads.

    images.py PEER THREADS FILE...

PEER: simplejpeg (and OpenCV's resize), opencv, pillow, torchvision, and decode: simplejpeg alone, which no pipeline can pass. Resizing is
bilinear: Pillow's and torchvision's with antialiasing, the others' without."""
import io
import os
import sys

os.environ['OMP_NUM_THREADS'] = '1'

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from turns import serve

PEER, THREADS, FILES = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
MEAN = np.array([123.68, 116.779, 103.939], np.float32)
BLOBS = [open(name, 'rb').read() for name in FILES]
OUT = np.zeros((len(BLOBS), 3, 224, 224), np.float32)


def put(i, pixels):
    for c in range(3):
        np.subtract(pixels[:, :, c], MEAN[c], out=OUT[i, c], dtype=np.float32)


def one():
    if PEER in ('simplejpeg', 'decode'):
        import cv2
        import simplejpeg
        cv2.setNumThreads(1)
        if PEER == 'decode':
            return lambda i: simplejpeg.decode_jpeg(BLOBS[i], 'RGB')
        return lambda i: put(i, cv2.resize(simplejpeg.decode_jpeg(BLOBS[i], 'RGB'), (224, 224), interpolation=cv2.INTER_LINEAR))
    if PEER == 'opencv':
        import cv2
        cv2.setNumThreads(1)
        return lambda i: put(i, cv2.resize(cv2.imdecode(np.frombuffer(BLOBS[i], np.uint8), cv2.IMREAD_COLOR), (224, 224),
                                           interpolation=cv2.INTER_LINEAR)[:, :, ::-1])
    if PEER == 'pillow':
        from PIL import Image
        return lambda i: put(i, np.asarray(Image.open(io.BytesIO(BLOBS[i])).convert('RGB').resize((224, 224), Image.BILINEAR)))
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms.v2 import functional as F
    torch.set_num_threads(1)
    to, mean = torch.from_numpy(OUT), torch.from_numpy(MEAN)[:, None, None]
    blobs = [torch.frombuffer(bytearray(b), dtype=torch.uint8) for b in BLOBS]
    return lambda i: torch.sub(F.resize(decode_jpeg(blobs[i], ImageReadMode.RGB), [224, 224], antialias=True), mean, out=to[i])


def main():
    work, pool = one(), ThreadPoolExecutor(THREADS)
    shares = [range(k, len(BLOBS), THREADS) for k in range(THREADS)]

    def share(indices):
        for i in indices:
            work(i)
    serve('images', len(BLOBS), lambda: list(pool.map(share, shares)))


if __name__ == '__main__':
    main()
