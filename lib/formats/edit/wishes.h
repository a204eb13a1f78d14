#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/edit.h"
#include "checkpoint/reader.h"
#include "core/error.h"
#include "core/string_pool.h"

namespace ckpt {

// The names that an edit asks for, for every variable of the file: views into the edit, and into
// `strings` or what else they were resolved from.
struct Wishes {
  struct Name {
    std::uint32_t entry = 0;
    bool is_alias = false;
    std::string_view from;
    std::string_view to;  // empty: dropped
  };
  std::vector<Name> names;  // of each entry its name, then its aliases
  StringPool strings;
};

// `names` are those of the file, each with `to` as `from`.
// Throws Error(kInvalid), naming all of them, for names that are not in the file, are asked for
// twice, or cannot be; kConflict where two variables would have one name.
Wishes resolve(std::vector<Wishes::Name> names, const Edit& edit);

// The same for the names of `entries`, which are not needed afterwards: `from` is the edit's, or in
// `strings`.
Wishes resolve(std::span<const Entry> entries, const Edit& edit);

// Is anything to become of the file?
bool has_changes(const Wishes& wishes, const Edit& edit);

// Throws Error(code) where there are any: "'a', 'b' and 7 more: WHAT".
void refuse_any(Errc code, const std::vector<std::string>& names, std::string_view what);

// The edit as operations on the container, for reports: a move, a drop, a creation for each name.
// None where `options` ask for none.
EditOperations operations_of(const Wishes& wishes, const Edit& edit, const EditOptions& options);

// Hands the bytes of a new tensor to `take`. Throws Error(kInvalid) where they are not as many as
// its shape says, and what producing them throws.
void stream_put(const Put& put, const Reader& original, const std::function<void(ByteView)>& take);

}  // namespace ckpt
