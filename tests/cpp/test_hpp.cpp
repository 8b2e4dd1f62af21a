/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c.hpp: ownership, errors with and without exceptions, the program that users should be able to write. */
#include <dl4c/dl4c.hpp>

#include <cstdio>
#include <cstdlib>

static int failures;

#define CHECK(what)                                                                                                                        \
    do {                                                                                                                                   \
        if (!(what)) {                                                                                                                     \
            std::printf("%s:%d: %s\n", __func__, __LINE__, #what);                                                                         \
            failures++;                                                                                                                    \
        }                                                                                                                                  \
    } while (0)

static dl4c::Graph small_network()
{
    dl4c::Error err;
    dl4c::Graph g = dl4c::Builder(&err)
                        .input("image", { 1, 4, 4 })
                        .add("conv2d:units=2,kernel=3x3,mode=same,activation=relu", "conv", { "image" })
                        .add("dense:units=5,activation=tanh", "fc2", { "conv" })
                        .add("output:units=2,activation=softmax,loss=negative_log_likelihood", "out", { "fc2" })
                        .finish(&err);
    CHECK(!err && g);
    return g;
}

static void a_network_is_split_and_its_trunk_runs()
{
    auto vgg = small_network();
    auto parts = vgg.split("fc2");
    dl4c::Session session(parts.trunk, dl4c::SessionOptions().batch(16));
    auto image = dl4c::Tensor::zeros({ 1, 4, 4 });
    for (int i = 0; i < 16; i++)
        image.data()[i] = static_cast<float>(i) / 16;
    dl4c::Tensor features = session.run(image);
    CHECK(features.shape() == (std::vector<int64_t>{ 1, 5 }));

    /* The head on the trunk's output is the whole, to the bit. */
    dl4c::Session head(parts.head), whole(vgg, dl4c::SessionOptions().outputs({ "out", "fc2" }));
    const dl4c::Tensor y = head.run(features), z = whole.run(image);
    CHECK(y.size() == 2 && z.size() == 2 && std::memcmp(y.data(), z.data(), 2 * sizeof(float)) == 0);
    CHECK(whole.output(1).size() == 5 && whole.bytes() > 0);

    /* What run gave is a copy: another run changes nothing of it. */
    const float before = features.data()[0];
    CHECK(session.run(dl4c::Tensor::zeros({ 3, 1, 4, 4 })).dim(0) == 3);
    CHECK(features.data()[0] == before);

    auto joined = dl4c::Graph::join(parts.trunk, parts.head);
    CHECK(joined.digest() == vgg.digest() && joined.param_count() == vgg.param_count());
    CHECK(vgg.vertices().size() == 4 && std::string(vgg.vertices()[1].name) == "conv");
}

static void objects_may_go_in_any_order()
{
    dl4c::Session session;
    {
        const auto g = small_network();
        dl4c::Session s(g.split("conv").trunk);
        session = std::move(s);
        CHECK(!s);
    }
    CHECK(session.run(dl4c::Tensor::zeros({ 1, 4, 4 })).size() == 32);

    dl4c::Tensor a = dl4c::Tensor::zeros({ 2, 2 }), b = a, c;
    b.data()[3] = 7;
    CHECK(a.data()[3] == 7);
    c = b.slice(0, 1, 2).reshape({ -1 });
    a = dl4c::Tensor();
    b = dl4c::Tensor();
    CHECK(c.data()[1] == 7 && !a);
    CHECK(c.to(DL4C_I64).data() == nullptr && c.to(DL4C_I64).dtype() == DL4C_I64);
}

static void the_first_error_of_a_row_of_calls_stays()
{
    dl4c::Error err;
    const auto vgg = small_network();
    auto parts = vgg.split("nowhere", &err);
    dl4c::Session session(parts.trunk, dl4c::SessionOptions(), &err);
    const auto y = session.run(dl4c::Tensor::zeros({ 1, 4, 4 }), &err);
    CHECK(!parts.trunk && !session && !y);
    CHECK(err && err.status() == DL4C_E_NOTFOUND && std::strstr(err.message(), "nowhere"));

    dl4c::Error empty;
    CHECK(dl4c::Graph().summary(&empty).empty());
    CHECK(empty.status() == DL4C_E_INVALID && std::string(empty.message()) == "the graph holds nothing");
    CHECK(dl4c::Graph().vertices().empty() && dl4c::Tensor().shape().empty() && dl4c::Session().bytes() == 0);
}

static void an_error_nobody_takes_is_thrown()
{
#if defined(__EXCEPTIONS)
    dl4c_status status = DL4C_OK;
    try {
        dl4c::Graph::load("/nowhere/model.onnx");
    } catch (const dl4c::Error &e) {
        status = e.status();
        CHECK(e.what()[0] && e.origin()[0]);
    }
    CHECK(status == DL4C_E_NOTFOUND);
#else
    CHECK(!dl4c::Graph::load("/nowhere/model.onnx"));
#endif
}

static void a_network_learns_and_is_evaluated()
{
    auto g = small_network();
    auto x = dl4c::Tensor::zeros({ 8, 1, 4, 4 }), y = dl4c::Tensor::zeros({ 8 }, DL4C_I64);
    for (int i = 0; i < 8; i++) {
        static_cast<int64_t *>(dl4c_tensor_data(y.get()))[i] = i % 2;
        for (int k = 0; k < 16; k++)
            x.data()[16 * i + k] = i % 2 ? 1.0f : -1.0f;
    }
    const auto source = dl4c::Source::tensors(x, y, 2);
    int calls = 0;
    auto options = dl4c::FitOptions().epochs(40).batch(4).updater("adam:lr=0.05").seed(1).progress([&calls](const dl4c_progress &) {
        calls++;
        return true;
    });
    const dl4c::FitOptions copy = options; /* with a callback of its own */
    CHECK(dl4c::fit(g, source, copy));
    CHECK(calls > 0);
    const auto e = dl4c::evaluate(g, source);
    CHECK(e.count() == 8 && e.accuracy() == 1 && e.confusion(1, 1) == 4 && !e.stats().empty());

    dl4c::Error err;
    CHECK(!dl4c::fit(g, source, options.progress([](const dl4c_progress &) { return false; }), &err));
    CHECK(err.status() == DL4C_E_CANCELLED);
#if defined(__EXCEPTIONS)
    err = dl4c::Error();
    CHECK(!dl4c::fit(g, source, options.progress([](const dl4c_progress &) -> bool { throw 1; }), &err));
    CHECK(err.status() == DL4C_E_CANCELLED);
#endif
}

static void an_edit_leaves_the_original_alone()
{
    const auto g = small_network();
    const std::string digest = g.digest();
    dl4c::Error err;
    const auto tuned = dl4c::Builder(g, &err)
                           .freeze("fc2")
                           .remove("out")
                           .add("output:units=3,activation=softmax,loss=negative_log_likelihood", "out", { "fc2" })
                           .finish(&err);
    CHECK(!err && tuned && g.digest() == digest);
    CHECK(tuned.param_count() == g.param_count() + 6);
    const auto bad = dl4c::Builder(g, &err).freeze("nowhere").remove("out").finish(&err);
    CHECK(!bad && err.status() == DL4C_E_NOTFOUND);
}

#if __cplusplus >= 202002L
static void structs_may_be_written_out()
{
    const auto g = small_network();
    dl4c::Session s(g, dl4c_session_options{ .batch = 2 });
    const auto y = s.run(dl4c::Tensor::zeros({ 2, 1, 4, 4 }));
    CHECK(y.span().size() == 4);
}
#endif

int main()
{
    a_network_is_split_and_its_trunk_runs();
    objects_may_go_in_any_order();
    the_first_error_of_a_row_of_calls_stays();
    an_error_nobody_takes_is_thrown();
    a_network_learns_and_is_evaluated();
    an_edit_leaves_the_original_alone();
#if __cplusplus >= 202002L
    structs_may_be_written_out();
#endif
    std::printf("%d failures\n", failures);
    return failures != 0;
}
