/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The ground of dl4c.hpp: errors, ownership, options, contexts, tensors. Include dl4c.hpp.
 */
#ifndef DL4C_TENSOR_HPP
#define DL4C_TENSOR_HPP

#include <dl4c/tensor.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

namespace dl4c {

/** dl4c_error as an exception, or as what calls fill in. */
class Error : public std::exception {
public:
    Error() noexcept : e_() {}
    explicit Error(const dl4c_error &e) noexcept : e_(e) {}
    const char *what() const noexcept override { return e_.message; }
    const char *message() const noexcept { return e_.message; }
    const char *origin() const noexcept { return e_.origin; }
    dl4c_status status() const noexcept { return e_.status; }
    const dl4c_error &raw() const noexcept { return e_; }
    /** true: there was a failure. */
    explicit operator bool() const noexcept { return e_.status != DL4C_OK; }

private:
    dl4c_error e_;
};

namespace detail {

inline bool fail(const Error &e, Error *err)
{
    if (err) {
        *err = e;
        return false;
    }
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
    throw e;
#else
    return false;
#endif
}

inline bool check(dl4c_status status, const dl4c_error &e, Error *err) { return status == DL4C_OK || fail(Error(e), err); }

/** false, with a failure told, where an object is empty. */
inline bool given(const void *p, const char *what, Error *err)
{
    if (p)
        return true;
    if (err && *err)
        return false;
    dl4c_error e = DL4C_ERROR_INIT;
    e.status = DL4C_E_INVALID;
    std::strncpy(e.origin, "c++", sizeof e.origin - 1);
    std::strncpy(e.message, what, sizeof e.message - 1);
    std::strncat(e.message, " holds nothing", sizeof e.message - 1 - std::strlen(e.message));
    return fail(Error(e), err);
}

inline std::string text(char *t)
{
    std::string s(t ? t : "");
    dl4c_free(t);
    return s;
}

inline const char *or_null(const std::string &s) { return s.empty() ? nullptr : s.c_str(); }

inline std::vector<const char *> pointers(const std::vector<std::string> &names)
{
    std::vector<const char *> p;
    for (const std::string &n : names)
        p.push_back(n.c_str());
    return p;
}

/** A handle with one owner. */
template <class T, void (*destroy)(T **)> class Handle {
public:
    Handle() noexcept : p_(nullptr) {}
    explicit Handle(T *p) noexcept : p_(p) {}
    Handle(Handle &&o) noexcept : p_(o.release()) {}
    Handle &operator=(Handle &&o) noexcept
    {
        std::swap(p_, o.p_);
        return *this;
    }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    ~Handle()
    {
        if (p_)
            destroy(&p_);
    }
    explicit operator bool() const noexcept { return p_ != nullptr; }
    T *get() const noexcept { return p_; }
    T *release() noexcept
    {
        T *p = p_;
        p_ = nullptr;
        return p;
    }

protected:
    T *p_;
};

/** An options struct O, which has struct_size first; D is the class that derives from this. */
template <class D, class O> class Options {
public:
    Options() : raw_() { raw_.struct_size = sizeof(O); }
    Options(const O &o) : raw_(o)
    {
        if (raw_.struct_size == 0)
            raw_.struct_size = sizeof(O);
    }
    O &raw() { return raw_; }
    const O &raw() const { return raw_; }

protected:
    template <class M, class V> D &set(M O::*member, V value)
    {
        raw_.*member = static_cast<M>(value);
        return static_cast<D &>(*this);
    }
    O raw_;
};

} // namespace detail

/** What a long call tells; return false to cancel it. */
typedef std::function<bool(const dl4c_progress &)> Progress;

namespace detail {
/** No exception may cross the library: one in a callback cancels. */
inline int on_progress(void *user, const dl4c_progress *p)
{
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
    try {
        return (*static_cast<Progress *>(user))(*p) ? 0 : 1;
    } catch (...) {
        return 1;
    }
#else
    return (*static_cast<Progress *>(user))(*p) ? 0 : 1;
#endif
}
} // namespace detail

/** Options of a call that takes time: O has progress and progress_user. D is the class that derives from this. */
template <class D, class O> class LongOptions : public detail::Options<D, O> {
public:
    using detail::Options<D, O>::Options;
    LongOptions() {}
    LongOptions(const LongOptions &o) : detail::Options<D, O>(o), progress_(o.progress_) { attach(); }
    LongOptions &operator=(const LongOptions &o)
    {
        this->raw_ = o.raw_;
        progress_ = o.progress_;
        attach();
        return *this;
    }
    D &progress(Progress f)
    {
        progress_ = std::move(f);
        attach();
        return static_cast<D &>(*this);
    }
    /** A flag that any thread sets through dl4c_cancel_set. */
    D &cancel(const int32_t *flag) { return this->set(&O::cancel, flag); }
    D &timeout_ms(int64_t ms) { return this->set(&O::timeout_ms, ms); }

private:
    void attach()
    {
        if (!progress_)
            return;
        this->raw_.progress = detail::on_progress;
        this->raw_.progress_user = &progress_;
    }
    Progress progress_;
};

/** Allocator, log, threads and limits; the empty one is the default context. */
class Context : public detail::Handle<dl4c_context, dl4c_context_destroy> {
public:
    using Handle::Handle;
    Context() {}
    static Context create(const dl4c_context_options &options, Error *err = nullptr)
    {
        dl4c_context_options o = options;
        if (o.struct_size == 0)
            o.struct_size = sizeof o;
        Context c;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_context_create(&o, &c.p_, &e), e, err);
        return c;
    }
    int32_t threads() const { return dl4c_context_threads(p_); }
    const char *gemm() const { return dl4c_context_gemm(p_); }
};

/** Counted; copies share the elements. */
class Tensor {
public:
    Tensor() noexcept : p_(nullptr) {}
    /** Takes over one reference. */
    explicit Tensor(dl4c_tensor *p) noexcept : p_(p) {}
    Tensor(const Tensor &o) noexcept : p_(dl4c_tensor_ref(o.p_)) {}
    Tensor(Tensor &&o) noexcept : p_(o.p_) { o.p_ = nullptr; }
    Tensor &operator=(Tensor o) noexcept
    {
        std::swap(p_, o.p_);
        return *this;
    }
    ~Tensor()
    {
        if (p_)
            dl4c_tensor_unref(&p_);
    }
    explicit operator bool() const noexcept { return p_ != nullptr; }
    dl4c_tensor *get() const noexcept { return p_; }

    static Tensor zeros(const std::vector<int64_t> &shape, int32_t dtype = DL4C_F32, const Context &ctx = Context(), Error *err = nullptr)
    {
        Tensor t;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_tensor_create(ctx.get(), dtype, shape.data(), static_cast<int32_t>(shape.size()), &t.p_, &e), e, err);
        return t;
    }
    /** Over memory of the caller's, which must outlive every reference. */
    static Tensor wrap(float *data, const std::vector<int64_t> &shape, const Context &ctx = Context(), Error *err = nullptr)
    {
        Tensor t;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_tensor_wrap(ctx.get(), DL4C_F32, shape.data(), nullptr, static_cast<int32_t>(shape.size()), data, 0, nullptr,
                                       nullptr, &t.p_, &e), e, err);
        return t;
    }
    static Tensor load_npy(const std::string &uri, const Context &ctx = Context(), Error *err = nullptr)
    {
        Tensor t;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_tensor_load_npy(ctx.get(), uri.c_str(), &t.p_, &e), e, err);
        return t;
    }
    bool save_npy(const std::string &uri, Error *err = nullptr) const
    {
        if (!detail::given(p_, "the tensor", err))
            return false;
        dl4c_error e = DL4C_ERROR_INIT;
        return detail::check(dl4c_tensor_save_npy(p_, uri.c_str(), &e), e, err);
    }

    int32_t dtype() const { return p_ ? dl4c_tensor_dtype(p_) : 0; }
    int32_t rank() const { return p_ ? dl4c_tensor_rank(p_) : 0; }
    int64_t dim(int32_t axis) const { return p_ ? dl4c_tensor_dim(p_, axis) : 0; }
    int64_t size() const { return p_ ? dl4c_tensor_size(p_) : 0; }
    std::vector<int64_t> shape() const
    {
        return p_ ? std::vector<int64_t>(dl4c_tensor_shape(p_), dl4c_tensor_shape(p_) + dl4c_tensor_rank(p_)) : std::vector<int64_t>();
    }
    /** The elements in C order; nullptr where they are no f32, have gaps or, of the one that may write, are read-only. */
    float *data() { return plain() ? static_cast<float *>(dl4c_tensor_data(p_)) : nullptr; }
    const float *data() const { return plain() ? static_cast<const float *>(dl4c_tensor_data_const(p_)) : nullptr; }
#if __cplusplus >= 202002L
    /** The elements of data(); empty where that is nullptr. */
    std::span<float> span() { return data() ? std::span<float>(data(), static_cast<std::size_t>(size())) : std::span<float>(); }
    std::span<const float> span() const
    {
        return data() ? std::span<const float>(data(), static_cast<std::size_t>(size())) : std::span<const float>();
    }
#endif

    /** Another shape over the same elements; one length may be -1. */
    Tensor reshape(const std::vector<int64_t> &shape, Error *err = nullptr) const
    {
        Tensor t;
        if (!detail::given(p_, "the tensor", err))
            return t;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_tensor_reshape(p_, shape.data(), static_cast<int32_t>(shape.size()), &t.p_, &e), e, err);
        return t;
    }
    /** Elements start, start + step, ... before stop of an axis, over the same memory. */
    Tensor slice(int32_t axis, int64_t start, int64_t stop, int64_t step = 1, Error *err = nullptr) const
    {
        Tensor t;
        if (!detail::given(p_, "the tensor", err))
            return t;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_tensor_slice(p_, axis, start, stop, step, &t.p_, &e), e, err);
        return t;
    }
    /** Contiguous, of another type. */
    Tensor to(int32_t dtype, Error *err = nullptr) const
    {
        Tensor t;
        if (!detail::given(p_, "the tensor", err))
            return t;
        dl4c_error e = DL4C_ERROR_INIT;
        detail::check(dl4c_tensor_to(p_, dtype, &t.p_, &e), e, err);
        return t;
    }
    /** The same values in memory of their own. */
    Tensor clone(const Context &ctx = Context(), Error *err = nullptr) const
    {
        if (!detail::given(p_, "the tensor", err))
            return Tensor();
        Tensor t = zeros(shape(), dtype(), ctx, err);
        dl4c_error e = DL4C_ERROR_INIT;
        if (!t || !detail::check(dl4c_tensor_copy(t.p_, p_, &e), e, err))
            return Tensor();
        return t;
    }

private:
    bool plain() const { return p_ && dl4c_tensor_dtype(p_) == DL4C_F32 && dl4c_tensor_is_contiguous(p_); }
    dl4c_tensor *p_;
};

} // namespace dl4c
#endif
