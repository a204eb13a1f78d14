#include "formats/safetensors/writer.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/safetensors/dtypes.h"
#include "formats/safetensors/header_text.h"

namespace ckpt::safetensors {
namespace {

void check_specs(const std::vector<VariableSpec>& specs) {
  std::vector<std::string> problems;
  for (const VariableSpec& spec : specs) {
    if (dtype_rank(spec.dtype) < 0) {
      problems.push_back(cat("'", escape(spec.name), "' is ", name_of(spec.dtype),
                             ", a type that safetensors does not have"));
    } else if (std::string fault = fault_of_name(spec.name); !fault.empty()) {
      problems.push_back(std::move(fault));
    }
  }
  if (!problems.empty()) throw Error(Errc::kInvalid, join(problems, "; "));
}

class SafetensorsWriter final : public Writer {
 public:
  // `given` is a file that the caller commits; null where `path` tells of one of the writer's own.
  SafetensorsWriter(NewFile* given, const std::string& path, std::vector<VariableSpec> specs,
                    const Metadata& metadata, Overwrite overwrite)
      : Writer(std::move(specs)), offsets_(this->specs().size()), file_(given) {
    const std::string header = lay_out(metadata);
    if (given == nullptr) file_ = &own_.emplace(path, overwrite);
    file_->reserve(end_);
    file_->resize(end_);
    file_->write_at(0, as_byte_view(header));
  }

 private:
  // Decides every tensor's offset in the file, and gives the bytes that go before the first.
  std::string lay_out(const Metadata& metadata) {
    std::vector<std::size_t> order(specs().size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [this](std::size_t a, std::size_t b) {
      const int rank_a = dtype_rank(specs()[a].dtype);
      const int rank_b = dtype_rank(specs()[b].dtype);
      return rank_a != rank_b ? rank_a > rank_b : specs()[a].name < specs()[b].name;
    });
    Header header;
    header.metadata.assign(metadata.begin(), metadata.end());
    std::uint64_t end = 0;
    for (const std::size_t i : order) {
      const VariableSpec& spec = specs()[i];
      offsets_[i] = end;
      end += tensor_bytes(spec.dtype, spec.shape);
      header.tensors.push_back({.name = spec.name,
                                .dtype = spec.dtype,
                                .stored_dtype = dtype_word(spec.dtype),
                                .shape = spec.shape,
                                .begin = offsets_[i],
                                .end = end});
    }
    std::string text = print_header(header);
    for (std::uint64_t& offset : offsets_) offset += text.size();
    end_ = text.size() + end;
    return text;
  }

  void do_write(std::size_t i, std::uint64_t offset, ByteView bytes) override {
    file_->write_at(offsets_[i] + offset, bytes);
  }

  void do_commit() override {
    if (own_) own_->commit();
  }

  std::vector<std::uint64_t> offsets_;  // in the file, one a variable
  std::uint64_t end_ = 0;
  std::optional<NewFile> own_;
  NewFile* file_;
};

}  // namespace

std::unique_ptr<Writer> create(const std::string& path, std::vector<VariableSpec> specs,
                               const CreateOptions& options) {
  check_specs(specs);
  return std::make_unique<SafetensorsWriter>(nullptr, path, std::move(specs), options.metadata,
                                             options.overwrite);
}

std::unique_ptr<Writer> create_into(NewFile& file, std::vector<VariableSpec> specs,
                                    const Metadata& metadata) {
  check_specs(specs);
  return std::make_unique<SafetensorsWriter>(&file, "", std::move(specs), metadata, Overwrite::kNo);
}

}  // namespace ckpt::safetensors
