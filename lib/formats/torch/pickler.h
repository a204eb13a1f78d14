#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/writer.h"

namespace ckpt::torch {

// Writes the opcodes of a pickle of protocol 2, which every version of PyTorch reads.
class Pickler {
 public:
  // What is put into a pickle that has a memo of its own must leave that alone.
  enum class Memo : bool { kNone, kOwn };
  explicit Pickler(Memo memo) : has_memo_(memo == Memo::kOwn) {}

  void raw(char opcode) { out_ += opcode; }
  void text(std::string_view value);
  void integer(std::uint64_t value);
  void integers(const std::vector<std::uint64_t>& values);

  // Spelt out the first time, taken from the memo after that.
  void global(std::string_view module, std::string_view name);

  std::string take() { return std::move(out_); }

 private:
  void little_endian(std::uint64_t value, std::size_t size);

  bool has_memo_;
  std::string out_;
  std::vector<std::string> memo_;  // globals, fewer than 256
};

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks), or v3 with a dtype: a
// contiguous tensor with a storage of its own, called `key`.
void add_tensor(Pickler& pickler, std::string_view key, const VariableSpec& spec);

}  // namespace ckpt::torch
