#include "checkpoint/memory_checkpoint.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

class MemoryReader final : public Reader {
 public:
  explicit MemoryReader(const MemoryCheckpoint& checkpoint) : checkpoint_(checkpoint) {
    index_.format = "memory";
    index_.layout = "native";
    index_.separator = checkpoint.separator;
    std::set<std::string_view> names;
    std::vector<Leaf> leaves;
    for (const auto& [name, tensor, aliases] : checkpoint.variables) {
      const std::uint64_t nbytes = tensor_bytes(tensor.dtype, tensor.shape);
      if (nbytes != tensor.bytes.size()) {
        throw Error(Errc::kInvalid,
                    cat(escape(name), ": has ", tensor.bytes.size(), " bytes, its shape ",
                        to_string(tensor.shape), " of ", name_of(tensor.dtype), " needs ", nbytes));
      }
      const auto take = [&](std::string_view taken) {
        if (!names.insert(taken).second) {
          throw Error(Errc::kConflict, cat("two variables are called '", escape(taken), "'"));
        }
      };
      take(name);
      for (const auto& alias : aliases) take(alias);
      index_.entries.push_back({.name = name,
                                .dtype = tensor.dtype,
                                .role = Role::kVariable,
                                .shape = tensor.shape,
                                .nbytes = nbytes,
                                .native_dtype = "",
                                .aliases = aliases});
      index_.file_bytes += nbytes;
      leaves.push_back({name, &tensor.shape});
    }
    const std::vector<Role> roles = roles_of(leaves, checkpoint.separator);
    for (std::size_t i = 0; i < roles.size(); ++i) index_.entries[i].role = roles[i];
  }

  [[nodiscard]] const Index& index() const override { return index_; }

  [[nodiscard]] bool is_concurrent(std::size_t /*i*/) const override { return true; }

  [[nodiscard]] Details details(std::size_t i) const override {
    return {.storage = "in memory", .stored_bytes = index_.entries[i].nbytes, .attributes = {}};
  }

 private:
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    const Tensor& tensor = checkpoint_.variables[i].tensor;
    const auto offset = static_cast<std::ptrdiff_t>(first * size_of(tensor.dtype));
    std::copy_n(tensor.bytes.begin() + offset, out.size(), out.begin());
  }

  const MemoryCheckpoint& checkpoint_;
  Index index_;
};

class MemoryWriter final : public Writer {
 public:
  MemoryWriter(MemoryCheckpoint& target, std::vector<VariableSpec> specs)
      : Writer(std::move(specs)), target_(target) {
    for (const VariableSpec& spec : this->specs()) {
      draft_.add(spec.name, {spec.dtype, spec.shape, Bytes(tensor_bytes(spec.dtype, spec.shape))});
    }
    draft_.separator = target.separator;
  }

 private:
  void do_write(std::size_t i, std::uint64_t offset, ByteView bytes) override {
    std::ranges::copy(
        bytes, draft_.variables[i].tensor.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void do_commit() override { target_ = std::move(draft_); }

  MemoryCheckpoint& target_;
  MemoryCheckpoint draft_;
};

}  // namespace

std::unique_ptr<Reader> open_memory(const MemoryCheckpoint& checkpoint) {
  return std::make_unique<MemoryReader>(checkpoint);
}

std::unique_ptr<Writer> create_memory(MemoryCheckpoint& target, std::vector<VariableSpec> specs) {
  return std::make_unique<MemoryWriter>(target, std::move(specs));
}

}  // namespace ckpt
