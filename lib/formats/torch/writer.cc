#include "formats/torch/writer.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/string_pool.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/torch/pickler.h"
#include "formats/zip/archive_writer.h"

namespace ckpt::torch {
namespace {

std::string make_pickle(const std::vector<VariableSpec>& specs) {
  Pickler pickler(Pickler::Memo::kOwn);
  pickler.raw('\x80');  // protocol 2
  pickler.raw('\x02');
  pickler.raw('}');
  pickler.raw('(');
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!is_utf8(specs[i].name)) {
      throw Error(Errc::kInvalid, cat("'", escape(specs[i].name),
                                      "' is no UTF-8, which names in a PyTorch file must be"));
    }
    pickler.text(specs[i].name);
    add_tensor(pickler, cat(i), specs[i]);
  }
  pickler.raw('u');
  pickler.raw('.');
  return pickler.take();
}

class StateDictWriter final : public Writer {
 public:
  StateDictWriter(const std::string& path, std::vector<VariableSpec> specs, Overwrite overwrite)
      : Writer(std::move(specs)),
        pickle_(make_pickle(this->specs())),
        file_(path, overwrite),
        zip_(file_, members()) {
    zip_.append(0, as_byte_view(std::string_view(pickle_)));
    zip_.append(1, as_byte_view(kOrder));
    zip_.append(2 + this->specs().size(), as_byte_view(kVersion));
  }

 private:
  static constexpr std::string_view kOrder = "little";
  static constexpr std::string_view kVersion = "3\n";

  std::vector<zip::NewMember> members() {
    std::vector<zip::NewMember> list{{"archive/data.pkl", pickle_.size()},
                                     {"archive/byteorder", kOrder.size()}};
    for (std::size_t i = 0; i < specs().size(); ++i) {
      const VariableSpec& spec = specs()[i];
      list.push_back({names_.add(cat("archive/data/", i)), tensor_bytes(spec.dtype, spec.shape)});
    }
    list.push_back({"archive/version", kVersion.size()});
    return list;
  }

  void do_write(std::size_t i, std::uint64_t, ByteView bytes) override {
    zip_.append(2 + i, bytes);
  }

  void do_commit() override {
    zip_.finish();
    file_.commit();
  }

  std::string pickle_;
  StringPool names_;
  NewFile file_;
  zip::ArchiveWriter zip_;
};

}  // namespace

std::unique_ptr<Writer> create_archive(const std::string& path, std::vector<VariableSpec> specs,
                                       Overwrite overwrite) {
  return std::make_unique<StateDictWriter>(path, std::move(specs), overwrite);
}

}  // namespace ckpt::torch
