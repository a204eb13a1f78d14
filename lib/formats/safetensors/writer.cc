#include "formats/safetensors/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/safetensors/dtypes.h"
#include "formats/safetensors/header.h"

namespace ckpt::safetensors {
namespace {

void check_specs(const std::vector<VariableSpec>& specs) {
  std::vector<std::string> problems;
  for (const VariableSpec& spec : specs) {
    if (dtype_rank(spec.dtype) < 0) {
      problems.push_back(cat("'", escape(spec.name), "' is ", name_of(spec.dtype),
                             ", a type that safetensors does not have"));
    } else if (!is_utf8(spec.name)) {
      problems.push_back(
          cat("'", escape(spec.name), "' is no valid UTF-8, which a name in JSON must be"));
    } else if (spec.name == kMetadataKey) {
      problems.push_back(cat("'", kMetadataKey, "' is a name that the format keeps for itself"));
    }
  }
  if (!problems.empty()) throw Error(Errc::kInvalid, join(problems, "; "));
}

class SafetensorsWriter final : public Writer {
 public:
  SafetensorsWriter(const std::string& path, std::vector<VariableSpec> specs, Overwrite overwrite)
      : Writer(std::move(specs)), offsets_(this->specs().size()) {
    const std::string header = lay_out();
    file_.emplace(path, overwrite);
    file_->reserve(end_);
    file_->resize(end_);
    file_->write_at(0, as_byte_view(header));
  }

 private:
  // Decides every tensor's offset in the file, and gives the bytes that go before the first.
  std::string lay_out() {
    std::vector<std::size_t> order(specs().size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [this](std::size_t a, std::size_t b) {
      const int rank_a = dtype_rank(specs()[a].dtype);
      const int rank_b = dtype_rank(specs()[b].dtype);
      return rank_a != rank_b ? rank_a > rank_b : specs()[a].name < specs()[b].name;
    });
    std::string json = "{";
    std::uint64_t end = 0;
    for (const std::size_t i : order) {
      const VariableSpec& spec = specs()[i];
      offsets_[i] = end;
      end += tensor_bytes(spec.dtype, spec.shape);
      std::vector<std::string> extents;
      for (const std::int64_t extent : spec.shape) extents.push_back(cat(extent));
      json += cat(json.size() > 1 ? "," : "", nlohmann::json(spec.name).dump(), R"(:{"dtype":")",
                  dtype_word(spec.dtype), R"(","shape":[)", join(extents, ","),
                  R"(],"data_offsets":[)", offsets_[i], ",", end, "]}");
    }
    json += '}';
    json.append((8 - json.size() % 8) % 8, ' ');
    if (json.size() > kMostHeaderBytes) {
      throw Error(Errc::kInvalid, cat("the header would have ", json.size(),
                                      " bytes, the format allows ", kMostHeaderBytes));
    }
    const std::uint64_t data_start = 8 + json.size();
    for (std::uint64_t& offset : offsets_) offset += data_start;
    end_ = data_start + end;
    std::string prefix;
    for (std::uint64_t length = json.size(); prefix.size() < 8; length >>= 8) {
      prefix += static_cast<char>(length & 0xff);
    }
    return prefix + json;
  }

  void do_write(std::size_t i, std::uint64_t offset, ByteView bytes) override {
    file_->write_at(offsets_[i] + offset, bytes);
  }

  void do_commit() override { file_->commit(); }

  std::vector<std::uint64_t> offsets_;  // in the file, one a variable
  std::uint64_t end_ = 0;
  std::optional<AtomicFile> file_;
};

}  // namespace

std::unique_ptr<Writer> create(const std::string& path, std::vector<VariableSpec> specs,
                               const CreateOptions& options) {
  check_specs(specs);
  return std::make_unique<SafetensorsWriter>(path, std::move(specs), options.overwrite);
}

}  // namespace ckpt::safetensors
