/* SPDX-License-Identifier: Apache-2.0 */
/* The Caltech-256 case in C++; caltech256.c says what the arguments are.
 *
 *     caltech256_cpp MODEL VERTEX IMAGES LISTS OUT */
#include <cstdio>
#include <dl4c/dl4c.hpp>

int main(int argc, char **argv)
{
    if (argc != 6) {
        std::fprintf(stderr, "usage: %s MODEL VERTEX IMAGES LISTS OUT\n", argv[0]);
        return 2;
    }
    try {
        const std::string images = argv[3], lists = argv[4], out = argv[5];
        auto vgg = dl4c::Graph::load(argv[1]);
        std::puts(vgg.summary().c_str());
        auto parts = vgg.split(argv[2]);

        for (const char *part : { "train", "val", "test" }) {
            const std::string list = lists + "/" + part + ".txt";
            dl4c::Reader reader(images, dl4c::ReaderOptions().for_graph(parts.trunk).preprocess("vgg16").list(list.c_str()));
            dl4c::featurize(parts.trunk, reader, out + "/" + part,
                            dl4c::FeaturizeOptions().overwrite().progress([](const dl4c_progress &p) {
                                std::fprintf(stderr, "\r%s %.0f%% ", p.stage, p.percent);
                                return true;
                            }));
        }

        const dl4c::Features train(out + "/train"), val(out + "/val"), test(out + "/test");
        auto head = train.softmax_head();
        const dl4c::Source validation = val.source();
        dl4c::fit(head, train.source(),
                  dl4c::FitOptions().epochs(20).batch(32).updater("nesterovs:lr=3e-4,momentum=0.9").validation(validation));
        std::printf("\naccuracy %.3f\n", dl4c::evaluate(head, test.source()).accuracy());
        dl4c::Graph::join(parts.trunk, head).save(out + "/model.zip");
    } catch (const dl4c::Error &e) {
        std::fprintf(stderr, "%s: %s\n", e.origin(), e.what());
        return 1;
    }
    return 0;
}
