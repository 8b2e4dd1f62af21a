/* SPDX-License-Identifier: Apache-2.0 */
/* Where weights are published. Deeplearning4j's zoo publishes Adler-32 sums; the ONNX model zoo SHA-256 digests, at one commit each. */
#include "fetch/fetch.h"

#include <string.h>

#define DL4J "https://dl4jdata.blob.core.windows.net/models/"
#define ONNX "https://github.com/onnx/models/raw/"

#define FROM_DL4J(n, text, file, pre, sum)                                                                                                 \
    {                                                                                                                                      \
        .name = n, .doc = text, .url = DL4J file, .preprocess = pre, .adler32 = sum, .has_adler32 = 1                                      \
    }
#define FROM_ONNX(n, text, at, digest, size)                                                                                               \
    {                                                                                                                                      \
        .name = n, .doc = text, .url = ONNX at, .preprocess = "torchvision", .sha256 = digest, .size_bytes = size                          \
    }

static const struct dl4c_weights_info table[] = {
    /* sorted */
    FROM_DL4J("darknet19", "Darknet19, ImageNet, 224 x 224, Deeplearning4j", "darknet19_dl4j_inference.v2.zip", "scale01", 691100891u),
    FROM_DL4J("darknet19-448", "Darknet19, ImageNet, 448 x 448, Deeplearning4j", "darknet19_448_dl4j_inference.v2.zip", "scale01",
              1054319943u),
    FROM_DL4J("lenet", "LeNet, MNIST, Deeplearning4j", "lenet_dl4j_mnist_inference.zip", "scale01", 1906861161u),
    FROM_ONNX("resnet18-onnx", "ResNet18 v1, ImageNet, ONNX model zoo",
              "5372b0b46b4a0cafcaf5f9f924e7494a088ffa86/vision/classification/resnet/model/resnet18-v1-7.onnx",
              "4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c", 46820737),
    FROM_DL4J("resnet50", "ResNet50, ImageNet, Deeplearning4j", "resnet50_dl4j_inference.v3.zip", "vgg16", 3914447815u),
    FROM_ONNX("resnet50-onnx", "ResNet50 v1, ImageNet, ONNX model zoo",
              "652f4e4af7975c8e7a505c4b6e0f8ac72d8260ea/vision/classification/resnet/model/resnet50-v1-12.onnx",
              "ab65bdc02c5b3123eb3cdf6dac01742438517d8635d4f233913b2be1c70db3b6", 102576419),
    FROM_DL4J("squeezenet", "SqueezeNet, ImageNet, Deeplearning4j", "squeezenet_dl4j_inference.v2.zip", "vgg16", 3711411239u),
    FROM_DL4J("vgg16", "VGG16, ImageNet, Deeplearning4j", "vgg16_dl4j_inference.zip", "vgg16", 3501732770u),
    FROM_DL4J("vgg16-cifar10", "VGG16, CIFAR-10, Deeplearning4j", "vgg16_dl4j_cifar10_inference.v1.zip", NULL, 2192260131u),
    FROM_ONNX("vgg16-onnx", "VGG16, ImageNet, ONNX model zoo",
              "13fcb614fdedcc09864c0691c080ccf82ca3b85b/vision/classification/vgg/model/vgg16-7.onnx",
              "f20805a3ecccaa88647bbab4ad011ff2412a9838485ea844de0fcbce349820b9", 553437328),
    FROM_DL4J("vgg16-vggface", "VGG16, VGGFace, Deeplearning4j", "vgg16_dl4j_vggface_inference.v1.zip", NULL, 2706403553u),
    FROM_DL4J("vgg19", "VGG19, ImageNet, Deeplearning4j", "vgg19_dl4j_inference.zip", "vgg16", 2782932419u),
    FROM_DL4J("xception", "Xception, ImageNet, Deeplearning4j", "xception_dl4j_inference.v2.zip", "tf", 3277876097u),
};
enum { N_WEIGHTS = sizeof table / sizeof table[0] };

int32_t dl4c_weights_count(void) { return N_WEIGHTS; }

dl4c_status dl4c_weights_get(int32_t i, struct dl4c_weights_info *out, struct dl4c_error *err)
{
    if (i < 0 || i >= N_WEIGHTS)
        return dli_fail(err, DL4C_E_INVALID, "fetch", "there are %d published files, number %" PRId32 " was asked for", (int)N_WEIGHTS, i);
    return dli_struct_out(out, &table[i], sizeof table[i], "fetch", err);
}

const struct dl4c_weights_info *dli_weights_find(const char *name)
{
    for (int32_t i = 0; i < N_WEIGHTS; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
