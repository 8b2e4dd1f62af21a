/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a model, looks at it and runs it on zeros up to a vertex.
 *
 *     02_summary_cpp MODEL VERTEX */
#include <cstdio>
#include <dl4c/dl4c.hpp>

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s MODEL VERTEX\n", argv[0]);
        return 2;
    }
    try {
        auto model = dl4c::Graph::load(argv[1]);
        std::puts(model.summary().c_str());
        for (const dl4c_vertex &v : model.vertices())
            std::printf("%-12s %s%s\n", v.op, v.name, v.is_output ? " (output)" : "");

        auto parts = model.split(argv[2]);
        dl4c::Session session(parts.trunk, dl4c::SessionOptions().batch(16));
        const dl4c_vertex input = model.vertices()[0];
        const auto image = dl4c::Tensor::zeros(std::vector<int64_t>(input.shape, input.shape + input.rank));
        const dl4c::Tensor features = session.run(image);
        std::printf("%lld features\n", static_cast<long long>(features.size()));
    } catch (const dl4c::Error &e) {
        std::fprintf(stderr, "%s: %s\n", e.origin(), e.what());
        return 1;
    }
    return 0;
}
