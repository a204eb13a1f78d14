#include "formats/libhdf5/library.h"

#include <string>

#include "core/error.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

// Guarded by library_mutex().
std::exception_ptr& kept_exception() {
  static std::exception_ptr exception;
  return exception;
}

// How many sessions are nested. Guarded by library_mutex().
int& session_depth() {
  static int depth = 0;
  return depth;
}

// Called for each entry of libhdf5's error stack, the innermost last.
herr_t take_description(unsigned /*depth*/, const H5E_error2_t* error, void* data) noexcept {
  try {
    if (error->desc != nullptr) static_cast<std::string*>(data)->assign(error->desc);
  } catch (...) {
    return -1;
  }
  return 0;
}

herr_t take_name(hid_t /*object*/, const char* name, const H5A_info_t* /*info*/,
                 void* data) noexcept {
  try {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  } catch (...) {
    keep_exception(std::current_exception());
    return -1;
  }
}

}  // namespace

Session::Session() : lock_(library_mutex()) {
  if (session_depth()++ > 0) return;
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLget_loading_state(&plugins_);
  H5PLset_loading_state(0);
}

Session::~Session() {
  if (--session_depth() > 0) return;
  H5PLset_loading_state(plugins_);
  H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
}

void keep_exception(std::exception_ptr exception) {
  if (!kept_exception()) kept_exception() = std::move(exception);
}

void fail(std::string_view what) {
  if (const auto exception = std::exchange(kept_exception(), nullptr)) {
    std::rethrow_exception(exception);
  }
  std::string words;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, take_description, &words);
  if (words.empty()) words = "no reason given";
  throw Error(Errc::kCorrupt, cat(what, " (HDF5: ", words, ")"));
}

std::vector<std::string> attribute_names(hid_t object) {
  std::vector<std::string> names;
  check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, take_name, &names),
        "cannot list the attributes");
  return names;
}

}  // namespace ckpt::hdf5
