# SPDX-License-Identifier: Apache-2.0
"""The networks of the comparison in PyTorch, by name, up to the vertex that is timed."""
VGG16 = [64, 64, 'pool', 128, 128, 'pool', 256, 256, 256, 'pool', 512, 512, 512, 'pool', 512, 512, 512, 'pool']


def vgg16(classes=0):
    """To fc2; with classes, and a head."""
    import torch.nn as nn  # not before: others read the table above
    layers, channels = [], 3
    for c in VGG16:
        if c == 'pool':
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, c, 3, padding=1), nn.ReLU(inplace=True)]
            channels = c
    layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 4096), nn.ReLU(inplace=True)]
    if classes:
        layers.append(nn.Linear(4096, classes))
    return nn.Sequential(*layers)


def build(name):
    if name == 'vgg16':
        return vgg16()
    if name == 'efficientnet-lite0':
        import timm
        return timm.create_model('tf_efficientnet_lite0', pretrained=False)
    import torchvision.models as models
    return {'resnet50': models.resnet50, 'squeezenet': models.squeezenet1_0, 'mobilenetv2': models.mobilenet_v2}[name](weights=None)


NAMES = ['vgg16', 'resnet50', 'squeezenet', 'mobilenetv2', 'efficientnet-lite0']
