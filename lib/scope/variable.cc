#include "scope/variable.h"

#include <algorithm>
#include <cassert>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "scope/scope_error.h"

namespace ckpt {
namespace {

// Calls run(offset in the whole, offset in the piece, bytes) for each run of bytes of the slice
// that is contiguous in the whole.
template <typename F>
void for_each_run(const SaveSlice& slice, std::size_t element_size, F&& run) {
  const std::size_t rank = slice.shape.size();
  if (std::ranges::find(slice.shape, 0) != slice.shape.end()) return;
  const std::size_t last =
      rank == 0 ? element_size : static_cast<std::size_t>(slice.shape.back()) * element_size;
  Shape at(rank, 0);  // in the slice; the last axis stays 0
  for (std::size_t in_piece = 0;; in_piece += last) {
    std::size_t in_whole = 0;
    for (std::size_t d = 0; d < rank; ++d) {
      in_whole = in_whole * static_cast<std::size_t>(slice.full_shape[d]) +
                 static_cast<std::size_t>(slice.offset[d] + at[d]);
    }
    run(in_whole * element_size, in_piece, last);
    std::size_t d = rank == 0 ? 0 : rank - 1;
    while (d > 0 && ++at[d - 1] == slice.shape[d - 1]) at[--d] = 0;
    if (d == 0) return;
  }
}

}  // namespace

Tensor cut(const Tensor& whole, const SaveSlice& slice) {
  assert(whole.shape == slice.full_shape);
  Tensor piece{whole.dtype, slice.shape, Bytes(tensor_bytes(whole.dtype, slice.shape))};
  for_each_run(slice, size_of(whole.dtype), [&](std::size_t from, std::size_t to, std::size_t n) {
    std::copy_n(whole.bytes.data() + from, n, piece.bytes.data() + to);
  });
  return piece;
}

void paste(Tensor& whole, const Tensor& piece, const SaveSlice& slice) {
  assert(whole.shape == slice.full_shape && piece.shape == slice.shape);
  assert(whole.dtype == piece.dtype);
  for_each_run(slice, size_of(whole.dtype), [&](std::size_t to, std::size_t from, std::size_t n) {
    std::copy_n(piece.bytes.data() + from, n, whole.bytes.data() + to);
  });
}

std::string_view name_of(Reuse reuse) {
  switch (reuse) {
    case Reuse::kFalse:
      return "False";
    case Reuse::kTrue:
      return "True";
    case Reuse::kAuto:
      return "AUTO";
  }
  return "";
}

Reuse parse_reuse(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower == "false") return Reuse::kFalse;
  if (lower == "true") return Reuse::kTrue;
  if (lower == "auto") return Reuse::kAuto;
  throw ScopeError(ScopeErrc::kReuseValue,
                   cat("reuse is '", escape(text), "', but can be only true, false or auto"));
}

bool Variable::initialized() const {
  if (facts_.slices.empty()) return value_.has_value();
  return std::ranges::all_of(facts_.slices, &Variable::initialized);
}

void Variable::check_initialized() const {
  if (initialized()) return;
  throw Error(Errc::kInvalid,
              cat(escape(name()), ": has no value yet; initialise or restore it first"));
}

ByteView Variable::bytes() const {
  assert(facts_.slices.empty());
  check_initialized();
  return value_->bytes;
}

Tensor Variable::value() const {
  check_initialized();
  if (facts_.slices.empty()) return *value_;
  Tensor whole{dtype(), shape(), Bytes(tensor_bytes(dtype(), shape()))};
  for (const Variable* slice : facts_.slices) paste(whole, *slice->value_, *slice->slice());
  return whole;
}

void Variable::assign(Tensor tensor) {
  if (tensor.dtype != dtype() || tensor.shape != shape()) {
    throw Error(Errc::kConflict,
                cat(escape(name()), ": is ", name_of(dtype()), " ", to_string(shape()),
                    " and cannot hold ", name_of(tensor.dtype), " ", to_string(tensor.shape)));
  }
  if (tensor.bytes.size() != tensor_bytes(dtype(), shape())) {
    throw Error(Errc::kInvalid, cat(escape(name()), ": was given ", tensor.bytes.size(),
                                    " bytes, its shape needs ", tensor_bytes(dtype(), shape())));
  }
  if (facts_.slices.empty()) {
    value_ = std::move(tensor);
    return;
  }
  for (Variable* slice : facts_.slices) slice->value_ = cut(tensor, *slice->slice());
}

void Variable::initialize(std::uint64_t seed) {
  if (!facts_.slices.empty()) {
    for (Variable* slice : facts_.slices) slice->initialize(seed);
  } else if (slice() && facts_.initializer.needs_shape()) {
    const SaveSlice& where = *slice();
    assign(cut(facts_.initializer.make(where.full_shape, dtype(), seed, where.full_name), where));
  } else {
    assign(facts_.initializer.make(shape(), dtype(), seed, name()));
  }
}

}  // namespace ckpt
