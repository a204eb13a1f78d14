#include "checkpoint/writer.h"

#include <algorithm>
#include <cassert>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"

namespace ckpt {

Writer::Writer(std::vector<VariableSpec> specs)
    : specs_(std::move(specs)), written_(specs_.size()) {
  expected_.reserve(specs_.size());
  std::set<std::string_view> names;
  for (const VariableSpec& spec : specs_) {
    if (!names.insert(spec.name).second) {
      throw Error(Errc::kConflict, cat("two variables are called '", escape(spec.name), "'"));
    }
    try {
      expected_.push_back(tensor_bytes(spec.dtype, spec.shape));
    } catch (const Error& e) {
      throw e.in(escape(spec.name));
    }
  }
}

void Writer::write(std::size_t i, ByteView bytes) {
  assert(i < specs_.size());
  if (bytes.size() > expected_[i] - written_[i]) {
    throw Error(Errc::kInvalid, cat(escape(specs_[i].name), ": ", written_[i], " + ", bytes.size(),
                                    " bytes are more than the ", expected_[i], " of ",
                                    name_of(specs_[i].dtype), " ", to_string(specs_[i].shape)));
  }
  if (!bytes.empty()) do_write(i, written_[i], bytes);
  written_[i] += bytes.size();
}

void Writer::commit() {
  std::vector<std::string> incomplete;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (written_[i] != expected_[i]) {
      incomplete.push_back(
          cat(escape(specs_[i].name), " (", written_[i], " of ", expected_[i], " bytes)"));
    }
  }
  if (!incomplete.empty()) {
    throw Error(Errc::kInvalid, cat("not all bytes were written: ", join(incomplete, ", ")));
  }
  do_commit();
}

}  // namespace ckpt
