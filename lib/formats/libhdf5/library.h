#pragma once

#include <concepts>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hdf5.h>

namespace ckpt::hdf5 {

// How this project speaks with libhdf5. That library has one state for the whole process, prints
// its errors, loads plug-ins named by the environment and calls back through C; here that is held
// down.

// Held during every call of libhdf5: one thread at a time, no printing, no plug-in loaded. What a
// caller of our library had set before is set again at its end. Sessions nest: an outer one around
// many calls saves the inner ones their work.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  H5E_auto2_t print_ = nullptr;
  void* print_data_ = nullptr;
  unsigned plugins_ = 0;
};

// Owns an id of any kind. REQUIRES: a Session is held when it is destroyed, unless it is empty.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }

  operator hid_t() const { return id_; }  // NOLINT: so that it is passed where an id is wanted
  [[nodiscard]] hid_t release() { return std::exchange(id_, -1); }

 private:
  hid_t id_ = -1;
};

// Remembers an exception inside a C callback, which may not throw; the callback then returns -1 and
// the check() of the call that ran it throws the exception again.
void keep_exception(std::exception_ptr exception);

// Throws what a callback kept, else Error(kCorrupt) with `what` and libhdf5's own words.
[[noreturn]] void fail(std::string_view what);

// Passes through what a call of libhdf5 returned, or fails where it is negative.
template <std::signed_integral T>
T check(T result, std::string_view what) {
  if (result < 0) fail(what);
  return result;
}

// By name. REQUIRES: a Session is held.
std::vector<std::string> attribute_names(hid_t object);

}  // namespace ckpt::hdf5
