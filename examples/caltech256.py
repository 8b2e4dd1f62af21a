# SPDX-License-Identifier: Apache-2.0
# The Caltech-256 case: photographs in a folder for each class, a network that was trained on others, its last layer made anew.
# Usage: caltech256.py MODEL VERTEX IMAGES WORK. Paths may be URIs: webhdfs://namenode:9870/caltech256
import sys

import dl4c

model, vertex, images, work = sys.argv[1:]

net = dl4c.load(model)
print(net.summary())
trunk = net.trunk(vertex)                                   # everything up to the vertex, frozen

print(dl4c.split_folder(images, dl4c.fs.join(work, 'lists'), seed=1))
stores = {}
for part in ('train', 'val', 'test'):                       # every photograph goes through the trunk once
    listed = dl4c.fs.join(work, 'lists/%s.txt' % part)
    with dl4c.ImageReader(images, list=listed, for_graph=trunk) as photographs:
        out = dl4c.fs.join(work, part)
        dl4c.featurize(trunk, photographs, out, resume=True)
        stores[part] = dl4c.Features(out)

head = dl4c.softmax_head(stores['train'])                   # a new prediction layer
head.fit(stores['train'], validation=stores['val'], epochs=20, updater=dl4c.Adam(1e-3),
         listeners=[lambda epoch, score, val_score, accuracy: print('epoch %d: %.3f' % (epoch, accuracy))])
print(head.evaluate(stores['test']).stats())

whole = dl4c.join(trunk, head)                              # one model again; Deeplearning4j opens it
whole.save(dl4c.fs.join(work, 'caltech256.zip'))
photographs = dl4c.ImageReader(images, list=dl4c.fs.join(work, 'lists/test.txt'), for_graph=whole)
for answer in whole.predict(photographs, top=1)[:3]:
    print(answer['path'], answer['top'])
