/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The C API for C++11 and later: classes that own handles, and nothing else. Inline: part of the API, not of the ABI.
 *
 * **Errors.** Every call that can fail takes an `Error *err`. Given one, it fills it on failure and returns an empty object (or false);
 * given none, it throws Error. Without exceptions (-fno-exceptions) it returns the empty object either way. An object in a boolean context
 * says whether it holds anything. A call on an empty object fails with DL4C_E_INVALID, and leaves an *err alone that already tells of a
 * failure: so a row of calls may be checked once at its end.
 *
 * **Ownership.** Objects move and do not copy, but for Tensor, which is counted. get() lends the C handle to whatever has no
 * method here; release() gives it away. Objects keep alive what they need and may be destroyed in any order, but for Source objects,
 * which live as long as the reader or store they were asked of.
 *
 * **Options** are C structs with setters. From C++20 on the struct may be written out: `Session s(trunk, dl4c_session_options{.batch =
 * 16});`. A struct_size of 0 is set here. Text and arrays that options point to must live until the call.
 *
 * Threads: as the C functions say. Since: 0.1.
 */
#ifndef DL4C_DL4C_HPP
#define DL4C_DL4C_HPP

#include <dl4c/dl4c.h>
#include <dl4c/tensor.hpp>

namespace dl4c {

/** A decoded picture. */
class Image : public detail::Handle<dl4c_image, dl4c_image_destroy> {
public:
    using Handle::Handle;
    Image() {}
    static Image decode(const void *bytes, std::size_t size, const Context &ctx = Context(), Error *err = nullptr)
    {
        Image i;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_image_decode(ctx.get(), bytes, size, nullptr, &i.p_, &e), e, err);
        return i;
    }
    static Image load(const std::string &uri, const Context &ctx = Context(), Error *err = nullptr)
    {
        detail::Handle<dl4c_fs_file, dl4c_fs_close> file;
        dl4c_fs_file *f = nullptr;
        const void *bytes = nullptr;
        std::size_t size = 0;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::check(dl4c_fs_open(ctx.get(), uri.c_str(), &f, &e), e, err))
            return Image();
        file = detail::Handle<dl4c_fs_file, dl4c_fs_close>(f);
        if (!detail::check(dl4c_fs_bytes(f, &bytes, &size, &e), e, err))
            return Image();
        return decode(bytes, size, ctx, err);
    }
    int32_t width() const { return p_ ? dl4c_image_width(p_) : 0; }
    int32_t height() const { return p_ ? dl4c_image_height(p_) : 0; }
    int32_t channels() const { return p_ ? dl4c_image_channels(p_) : 0; }
    /** A network's input, [1, 3, height, width], after a preprocessing in text form: "vgg16". */
    Tensor tensor(const std::string &preprocess, int32_t height, int32_t width, const Context &ctx = Context(), Error *err = nullptr) const
    {
        dl4c_preprocess p;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::given(p_, "the image", err)
            || !detail::check(dl4c_preprocess_parse(ctx.get(), preprocess.c_str(), &p, &e), e, err))
            return Tensor();
        Tensor t = Tensor::zeros({ 1, 3, height, width }, DL4C_F32, ctx, err);
        if (!t || !detail::check(dl4c_image_to_floats(p_, &p, 3, height, width, t.data(), &e), e, err))
            return Tensor();
        return t;
    }
};

struct Parts;

/** A network. */
class Graph : public detail::Handle<dl4c_graph, dl4c_graph_destroy> {
public:
    using Handle::Handle;
    Graph() {}
    static Graph load(const std::string &uri, const Context &ctx = Context(), Error *err = nullptr)
    {
        Graph g;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_model_load(ctx.get(), uri.c_str(), nullptr, &g.p_, &e), e, err);
        return g;
    }
    static Graph load(const void *bytes, std::size_t size, const Context &ctx = Context(), Error *err = nullptr)
    {
        Graph g;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_model_load_memory(ctx.get(), bytes, size, nullptr, &g.p_, &e), e, err);
        return g;
    }
    bool save(const std::string &uri, Error *err = nullptr) const
    {
        if (!detail::given(p_, "the graph", err))
            return false;
        dl4c_error e = DL4C_ERROR_INIT;
        return detail::check(dl4c_model_save(p_, uri.c_str(), nullptr, &e), e, err);
    }
    /** A second graph that shares all parameters until one of them is trained. */
    Graph clone(Error *err = nullptr) const
    {
        Graph g;
        if (!detail::given(p_, "the graph", err))
            return g;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_graph_clone(p_, &g.p_, &e), e, err);
        return g;
    }
    inline Parts split(const std::vector<std::string> &at, Error *err = nullptr) const;
    inline Parts split(const std::string &at, Error *err = nullptr) const;
    inline Parts split(const char *at, Error *err = nullptr) const;
    /** The table that Deeplearning4j prints. */
    std::string summary(Error *err = nullptr) const
    {
        char *t = nullptr;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::given(p_, "the graph", err) || !detail::check(dl4c_graph_summary(p_, nullptr, &t, &e), e, err))
            return std::string();
        return detail::text(t);
    }
    /** A drawing: "dot" or "svg". */
    std::string draw(const std::string &form, Error *err = nullptr) const
    {
        char *t = nullptr;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::given(p_, "the graph", err) || !detail::check(dl4c_graph_draw(p_, form.c_str(), &t, &e), e, err))
            return std::string();
        return detail::text(t);
    }
    /** SHA-256, in hex, of the network. */
    std::string digest(Error *err = nullptr) const
    {
        char *t = nullptr;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::given(p_, "the graph", err) || !detail::check(dl4c_graph_digest(p_, &t, &e), e, err))
            return std::string();
        return detail::text(t);
    }
    /** Parameters in all. */
    int64_t param_count() const
    {
        int64_t n = 0;
        if (p_)
            dl4c_graph_param_count(p_, &n, nullptr, nullptr);
        return n;
    }
    /** All vertices in topological order; borrowed from the graph. */
    std::vector<dl4c_vertex> vertices() const
    {
        std::vector<dl4c_vertex> all;
        for (int32_t i = 0, n = p_ ? dl4c_graph_vertex_count(p_) : 0; i < n; i++) {
            dl4c_vertex v = dl4c_vertex();
            v.struct_size = sizeof v;
            if (dl4c_graph_vertex(p_, i, &v, nullptr) == DL4C_OK)
                all.push_back(v);
        }
        return all;
    }
    static Graph join(const Graph &trunk, const Graph &head, Error *err = nullptr)
    {
        Graph g;
        if (!detail::given(trunk.p_, "the trunk", err) || !detail::given(head.p_, "the head", err))
            return g;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_graph_join(trunk.p_, head.p_, nullptr, &g.p_, &e), e, err);
        return g;
    }
};

/** What Graph::split gives. */
struct Parts {
    Graph trunk; /**< up to and including the vertices; frozen */
    Graph head;  /**< what comes after; empty where nothing does */
};

inline Parts Graph::split(const std::vector<std::string> &at, Error *err) const
{
    Parts parts;
    dl4c_graph *trunk = nullptr, *head = nullptr;
    if (!detail::given(p_, "the graph", err))
        return parts;
    const std::vector<const char *> names = detail::pointers(at);
    dl4c_error e = DL4C_ERROR_INIT;
    if (detail::check(dl4c_graph_split(p_, names.data(), static_cast<int32_t>(names.size()), nullptr, &trunk, &head, &e), e, err)) {
        parts.trunk = Graph(trunk);
        parts.head = Graph(head);
    }
    return parts;
}
inline Parts Graph::split(const std::string &at, Error *err) const { return split(std::vector<std::string>(1, at), err); }
inline Parts Graph::split(const char *at, Error *err) const { return split(std::string(at), err); }

/** Builds a network or edits a copy of one. Failures stick and are told by finish. */
class Builder : public detail::Handle<dl4c_builder, dl4c_builder_destroy> {
public:
    explicit Builder(Error *err = nullptr, const Context &ctx = Context()) { start(nullptr, ctx, err); }
    /** Begins with a graph, which stays as it is. */
    explicit Builder(const Graph &from, Error *err = nullptr, const Context &ctx = Context())
    {
        if (detail::given(from.get(), "the graph", err))
            start(from.get(), ctx, err);
    }
    Builder &input(const std::string &name, const std::vector<int64_t> &shape)
    {
        if (p_)
            dl4c_builder_input(p_, name.c_str(), shape.data(), static_cast<int32_t>(shape.size()));
        return *this;
    }
    /** Text form: "dense:units=257,activation=softmax". */
    Builder &add(const std::string &text, const std::string &name, const std::vector<std::string> &inputs)
    {
        const std::vector<const char *> in = detail::pointers(inputs);
        if (p_)
            dl4c_builder_add_text(p_, text.c_str(), name.c_str(), in.data(), static_cast<int32_t>(in.size()));
        return *this;
    }
    Builder &freeze(const std::string &vertex)
    {
        if (p_)
            dl4c_builder_freeze(p_, vertex.c_str());
        return *this;
    }
    Builder &unfreeze(const std::string &vertex)
    {
        if (p_)
            dl4c_builder_unfreeze(p_, vertex.c_str());
        return *this;
    }
    Builder &remove(const std::string &vertex, uint32_t flags = 0)
    {
        if (p_)
            dl4c_builder_remove(p_, vertex.c_str(), flags);
        return *this;
    }
    Builder &seed(uint64_t seed)
    {
        if (p_)
            dl4c_builder_seed(p_, seed);
        return *this;
    }
    Builder &outputs(const std::vector<std::string> &names)
    {
        const std::vector<const char *> p = detail::pointers(names);
        if (p_)
            dl4c_builder_outputs(p_, p.data(), static_cast<int32_t>(p.size()));
        return *this;
    }
    /** Makes the graph; the builder is empty then. */
    Graph finish(Error *err = nullptr)
    {
        if (!detail::given(p_, "the builder", err))
            return Graph();
        dl4c_graph *g = nullptr;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_builder_finish(&p_, &g, &e), e, err);
        return Graph(g);
    }

private:
    void start(dl4c_graph *from, const Context &ctx, Error *err)
    {
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_builder_create(ctx.get(), from, &p_, &e), e, err);
    }
};

class SessionOptions : public detail::Options<SessionOptions, dl4c_session_options> {
public:
    using Options::Options;
    SessionOptions() {}
    SessionOptions &batch(int64_t n) { return set(&dl4c_session_options::batch, n); }
    SessionOptions &threads(int32_t n) { return set(&dl4c_session_options::threads, n); }
    /** Vertices whose values are wanted. */
    SessionOptions &outputs(std::vector<std::string> names)
    {
        names_ = std::move(names);
        return *this;
    }
    /** DL4C_PRECISION_*. */
    SessionOptions &precision(int32_t p) { return set(&dl4c_session_options::precision, p); }
    SessionOptions &flags(uint64_t flags) { return set(&dl4c_session_options::flags, flags); }

private:
    friend class Session;
    std::vector<std::string> names_;
};

/** A plan and its memory, for one shape and one largest batch. */
class Session : public detail::Handle<dl4c_session, dl4c_session_destroy> {
public:
    Session() {}
    explicit Session(const Graph &graph, const SessionOptions &options = SessionOptions(), Error *err = nullptr,
                     const Context &ctx = Context())
    {
        if (!detail::given(graph.get(), "the graph", err))
            return;
        dl4c_session_options raw = options.raw();
        const std::vector<const char *> names = detail::pointers(options.names_);
        if (!names.empty()) {
            raw.outputs = names.data();
            raw.n_outputs = static_cast<int32_t>(names.size());
        }
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_session_create(ctx.get(), graph.get(), &raw, &p_, &e), e, err);
    }
    /** Bytes of all activations. */
    std::size_t bytes() const { return p_ ? dl4c_session_bytes(p_) : 0; }
    /**
     * Runs one input and copies the first output. @p x is [n, ...], or one example without the axis of the batch.
     * The copy is made in @p ctx. For several inputs or outputs, or no copy: execute and output.
     */
    Tensor run(const Tensor &x, Error *err = nullptr, const Context &ctx = Context())
    {
        Tensor rows = x;
        dl4c_shape want;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::given(p_, "the session", err) || !detail::given(x.get(), "the tensor", err)
            || !detail::check(dl4c_session_input_shape(p_, 0, &want, &e), e, err))
            return Tensor();
        const bool one = x.rank() == want.rank;
        if (one) {
            std::vector<int64_t> shape = x.shape();
            shape.insert(shape.begin(), 1);
            rows = x.reshape(shape, err);
        }
        if (!rows || !execute({ rows }, err))
            return Tensor();
        const Tensor y = output(0, err);
        return y ? y.clone(ctx, err) : Tensor();
    }
    /** Runs; allocates nothing but the list of inputs. */
    bool execute(const std::vector<Tensor> &inputs, Error *err = nullptr)
    {
        if (!detail::given(p_, "the session", err))
            return false;
        std::vector<dl4c_tensor *> in;
        for (const Tensor &t : inputs)
            in.push_back(t.get());
        dl4c_error e = DL4C_ERROR_INIT;
        return detail::check(dl4c_session_run(p_, in.data(), static_cast<int32_t>(in.size()), &e), e, err);
    }
    /** Output @p i of the last run, over the session's memory: the next run overwrites it, and it must not outlive the session. */
    Tensor output(int32_t i, Error *err = nullptr) const
    {
        dl4c_tensor *y = nullptr;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::given(p_, "the session", err) || !detail::check(dl4c_session_output(p_, i, &y, &e), e, err))
            return Tensor();
        return Tensor(dl4c_tensor_ref(y));
    }
};

/** What training and evaluation take: borrowed from a reader or store, or owned (tensors). */
class Source {
public:
    Source() noexcept : p_(nullptr), owned_(false) {}
    /** Borrowed. */
    explicit Source(dl4c_source *p) noexcept : p_(p), owned_(false) {}
    Source(Source &&o) noexcept : p_(o.p_), owned_(o.owned_)
    {
        o.p_ = nullptr;
        o.owned_ = false;
    }
    Source &operator=(Source &&o) noexcept
    {
        std::swap(p_, o.p_);
        std::swap(owned_, o.owned_);
        return *this;
    }
    Source(const Source &) = delete;
    Source &operator=(const Source &) = delete;
    ~Source()
    {
        if (owned_)
            dl4c_source_destroy(&p_);
    }
    /** Rows of @p x with class indices or targets @p y; both are kept by reference. */
    static Source tensors(const Tensor &x, const Tensor &y, int32_t n_classes = 0, const Context &ctx = Context(), Error *err = nullptr)
    {
        Source s;
        dl4c_error e = DL4C_ERROR_INIT;
        if (detail::given(x.get(), "the tensor", err))
            s.owned_ = detail::check(dl4c_source_tensors(ctx.get(), x.get(), y.get(), n_classes, &s.p_, &e), e, err);
        return s;
    }
    explicit operator bool() const noexcept { return p_ != nullptr; }
    dl4c_source *get() const noexcept { return p_; }

private:
    dl4c_source *p_;
    bool owned_;
};

class ReaderOptions : public detail::Options<ReaderOptions, dl4c_reader_options> {
public:
    using Options::Options;
    ReaderOptions() {}
    /** Image size and preprocessing that this network records. */
    ReaderOptions &for_graph(const Graph &g) { return set(&dl4c_reader_options::for_graph, g.get()); }
    ReaderOptions &list(const char *uri) { return set(&dl4c_reader_options::list, uri); }
    ReaderOptions &size(int32_t height, int32_t width)
    {
        raw_.height = height;
        raw_.width = width;
        return *this;
    }
    ReaderOptions &preprocess(const char *text) { return set(&dl4c_reader_options::preprocess, text); }
};

/** Images in one folder per class. */
class Reader : public detail::Handle<dl4c_reader, dl4c_reader_close> {
public:
    Reader() {}
    explicit Reader(const std::string &uri, const ReaderOptions &options = ReaderOptions(), Error *err = nullptr,
                    const Context &ctx = Context())
    {
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_reader_open(ctx.get(), uri.c_str(), &options.raw(), &p_, &e), e, err);
    }
    int64_t count() const { return p_ ? dl4c_reader_count(p_) : 0; }
    std::vector<std::string> classes() const
    {
        std::vector<std::string> c;
        for (int32_t i = 0, n = p_ ? dl4c_reader_class_count(p_) : 0; i < n; i++)
            c.push_back(dl4c_reader_class(p_, i));
        return c;
    }
    /** Lives as long as the reader. */
    Source source() const { return Source(p_ ? dl4c_reader_source(p_) : nullptr); }
};

class FeaturizeOptions : public LongOptions<FeaturizeOptions, dl4c_featurize_options> {
public:
    using LongOptions::LongOptions;
    FeaturizeOptions() {}
    FeaturizeOptions &batch(int64_t n) { return set(&dl4c_featurize_options::batch, n); }
    /** DL4C_POOL_*. */
    FeaturizeOptions &pool(int32_t pool) { return set(&dl4c_featurize_options::pool, pool); }
    /** DL4C_PRECISION_*. */
    FeaturizeOptions &precision(int32_t p) { return set(&dl4c_featurize_options::precision, p); }
    FeaturizeOptions &overwrite(bool on = true) { return set(&dl4c_featurize_options::overwrite, on); }
};

/** Every image once through a network, into a store. */
inline bool featurize(const Graph &trunk, const Reader &images, const std::string &out,
                      const FeaturizeOptions &options = FeaturizeOptions(), Error *err = nullptr)
{
    if (!detail::given(trunk.get(), "the trunk", err) || !detail::given(images.get(), "the reader", err))
        return false;
    dl4c_error e = DL4C_ERROR_INIT;
    return detail::check(dl4c_featurize(trunk.get(), images.get(), out.c_str(), &options.raw(), &e), e, err);
}

/** A store of features. */
class Features : public detail::Handle<dl4c_features, dl4c_features_close> {
public:
    Features() {}
    explicit Features(const std::string &uri, Error *err = nullptr, const Context &ctx = Context())
    {
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_features_open(ctx.get(), uri.c_str(), nullptr, &p_, &e), e, err);
    }
    int64_t rows() const { return p_ ? dl4c_features_rows(p_) : 0; }
    int32_t class_count() const { return p_ ? dl4c_features_class_count(p_) : 0; }
    /** Lives as long as the store. */
    Source source() const { return Source(p_ ? dl4c_features_source(p_) : nullptr); }
    /** A new prediction layer for these features. */
    Graph softmax_head(Error *err = nullptr) const
    {
        if (!detail::given(p_, "the store", err))
            return Graph();
        dl4c_graph *g = nullptr;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_head_softmax(p_, nullptr, &g, &e), e, err);
        return Graph(g);
    }
};

/** How often each class was taken for which. */
class Evaluation : public detail::Handle<dl4c_evaluation, dl4c_evaluation_destroy> {
public:
    using Handle::Handle;
    Evaluation() {}
    int64_t count() const { return p_ ? dl4c_evaluation_count(p_) : 0; }
    double accuracy() const { return p_ ? dl4c_evaluation_accuracy(p_) : 0; }
    double precision() const { return p_ ? dl4c_evaluation_precision(p_) : 0; }
    double recall() const { return p_ ? dl4c_evaluation_recall(p_) : 0; }
    double f1() const { return p_ ? dl4c_evaluation_f1(p_) : 0; }
    int64_t confusion(int32_t actual, int32_t predicted) const { return p_ ? dl4c_evaluation_confusion(p_, actual, predicted) : 0; }
    /** The text of Deeplearning4j's stats(). */
    std::string stats(Error *err = nullptr) const
    {
        char *t = nullptr;
        dl4c_error e = DL4C_ERROR_INIT;
        if (!detail::given(p_, "the evaluation", err) || !detail::check(dl4c_evaluation_stats(p_, 0, &t, &e), e, err))
            return std::string();
        return detail::text(t);
    }
};

class FitOptions : public LongOptions<FitOptions, dl4c_fit_options> {
public:
    using LongOptions::LongOptions;
    FitOptions() {}
    FitOptions &epochs(uint32_t n) { return set(&dl4c_fit_options::epochs, n); }
    FitOptions &batch(int64_t n) { return set(&dl4c_fit_options::batch, n); }
    /** "nesterovs:lr=3e-4,momentum=0.9" */
    FitOptions &updater(const char *text) { return set(&dl4c_fit_options::updater, text); }
    /** "step:decay=0.5,step=10,by=epoch" */
    FitOptions &lr_schedule(const char *text) { return set(&dl4c_fit_options::lr_schedule, text); }
    FitOptions &seed(uint64_t seed)
    {
        raw_.seed = seed;
        raw_.seed_zero = 1;
        return *this;
    }
    /** Scored after each epoch; must live until the call. */
    FitOptions &validation(const Source &s) { return set(&dl4c_fit_options::validation, s.get()); }
    /** Epochs without a lower validation score before it stops. */
    FitOptions &early_stopping(uint32_t epochs) { return set(&dl4c_fit_options::early_stopping, epochs); }
    FitOptions &run_dir(const char *uri) { return set(&dl4c_fit_options::run_dir, uri); }
    FitOptions &command(const char *text) { return set(&dl4c_fit_options::command, text); }
};

/** Trains a network. */
inline bool fit(const Graph &graph, const Source &source, const FitOptions &options = FitOptions(), Error *err = nullptr)
{
    if (!detail::given(graph.get(), "the graph", err) || !detail::given(source.get(), "the source", err))
        return false;
    dl4c_error e = DL4C_ERROR_INIT;
    return detail::check(dl4c_fit(graph.get(), source.get(), &options.raw(), &e), e, err);
}

/** Runs a classifier over a source and counts. */
inline Evaluation evaluate(const Graph &graph, const Source &source, Error *err = nullptr)
{
    if (!detail::given(graph.get(), "the graph", err) || !detail::given(source.get(), "the source", err))
        return Evaluation();
    dl4c_evaluation *v = nullptr;
    dl4c_error e = DL4C_ERROR_INIT;
    detail::check(dl4c_evaluate(graph.get(), source.get(), nullptr, &v, &e), e, err);
    return Evaluation(v);
}

} // namespace dl4c
#endif
