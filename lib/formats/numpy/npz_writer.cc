#include "formats/numpy/npz_writer.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/string_pool.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/npy.h"
#include "formats/zip/archive_writer.h"

namespace ckpt::numpy {
namespace {

class NpzWriter final : public Writer {
 public:
  NpzWriter(const std::string& path, std::vector<VariableSpec> specs, Overwrite overwrite)
      : Writer(std::move(specs)) {
    std::vector<std::string> headers;
    std::vector<zip::NewMember> members;
    for (const VariableSpec& spec : this->specs()) {
      headers.push_back(npy_header(spec.dtype, spec.shape));
      members.push_back({names_.add(spec.name + ".npy"),
                         headers.back().size() + tensor_bytes(spec.dtype, spec.shape)});
    }
    file_.emplace(path, overwrite);
    archive_.emplace(*file_, std::move(members));
    for (std::size_t i = 0; i < headers.size(); ++i) archive_->append(i, as_byte_view(headers[i]));
  }

 private:
  void do_write(std::size_t i, std::uint64_t, ByteView bytes) override {
    archive_->append(i, bytes);
  }
  void do_commit() override {
    archive_->finish();
    file_->commit();
  }

  StringPool names_;
  std::optional<NewFile> file_;
  std::optional<zip::ArchiveWriter> archive_;
};

}  // namespace

// npy_header() writes bf16 and f8 as bytes of their size, for those who ask for one array. A
// checkpoint in which they come back as something else would be worse than none.
void check_specs(const std::vector<VariableSpec>& specs) {
  std::vector<std::string> problems;
  for (const VariableSpec& spec : specs) {
    if (spec.name.empty()) problems.emplace_back("a variable has the empty name");
    const bool unknown =
        spec.dtype == DType::kBf16 || spec.dtype == DType::kF8e4m3 || spec.dtype == DType::kF8e5m2;
    if (unknown || !is_numeric(spec.dtype)) {
      problems.push_back(cat("'", escape(spec.name), "' is ", name_of(spec.dtype),
                             ", a type that NumPy does not have"));
    }
  }
  if (!problems.empty()) throw Error(Errc::kInvalid, join(problems, "; "));
}

std::unique_ptr<Writer> create_npz(const std::string& path, std::vector<VariableSpec> specs,
                                   const CreateOptions& options) {
  check_specs(specs);
  return std::make_unique<NpzWriter>(path, std::move(specs), options.overwrite);
}

}  // namespace ckpt::numpy
