#include "formats/torch/pickler.h"

#include <algorithm>

#include "core/tensor.h"
#include "core/text.h"
#include "formats/torch/globals.h"

namespace ckpt::torch {

void Pickler::little_endian(std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
}

void Pickler::text(std::string_view value) {
  out_ += 'X';
  little_endian(value.size(), 4);
  out_ += value;
}

void Pickler::integer(std::uint64_t value) {
  if (value < 256) {
    out_ += 'K';
    little_endian(value, 1);
  } else if (value < 65536) {
    out_ += 'M';
    little_endian(value, 2);
  } else if (value < std::uint64_t{1} << 31) {
    out_ += 'J';
    little_endian(value, 4);
  } else {
    out_ += "\x8a\x08";  // LONG1 of 8 bytes
    little_endian(value, 8);
  }
}

void Pickler::integers(const std::vector<std::uint64_t>& values) {
  out_ += '(';
  for (const std::uint64_t value : values) integer(value);
  out_ += 't';
}

void Pickler::global(std::string_view module, std::string_view name) {
  const std::string key = cat(module, "\n", name, "\n");
  for (std::size_t i = 0; i < memo_.size(); ++i) {
    if (memo_[i] == key) {
      out_ += 'h';
      little_endian(i, 1);
      return;
    }
  }
  out_ += 'c';
  out_ += key;
  if (!has_memo_) return;
  out_ += 'q';
  little_endian(memo_.size(), 1);
  memo_.push_back(key);
}

void add_tensor(Pickler& pickler, std::string_view key, const VariableSpec& spec) {
  const std::string_view storage = storage_name(spec.dtype);
  const bool untyped = storage.empty();
  const std::uint64_t bytes = tensor_bytes(spec.dtype, spec.shape);
  pickler.global("torch._utils", untyped ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2");
  pickler.raw('(');
  pickler.raw('(');
  pickler.text("storage");
  if (untyped) {
    pickler.global("torch.storage", "UntypedStorage");
  } else {
    pickler.global("torch", storage);
  }
  pickler.text(key);
  pickler.text("cpu");
  pickler.integer(untyped ? bytes : bytes / size_of(spec.dtype));
  pickler.raw('t');
  pickler.raw('Q');
  pickler.integer(0);
  std::vector<std::uint64_t> shape(spec.shape.begin(), spec.shape.end());
  std::vector<std::uint64_t> stride(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) {
    stride[d - 1] = stride[d] * std::max<std::uint64_t>(shape[d], 1);
  }
  pickler.integers(shape);
  pickler.integers(stride);
  pickler.raw('\x89');  // requires no gradient
  pickler.global("collections", "OrderedDict");
  pickler.raw(')');
  pickler.raw('R');
  if (untyped) pickler.global("torch", torch_name(spec.dtype));
  pickler.raw('t');
  pickler.raw('R');
}

}  // namespace ckpt::torch
