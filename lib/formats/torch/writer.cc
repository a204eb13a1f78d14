#include "formats/torch/writer.h"

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/torch/globals.h"
#include "formats/zip/archive_writer.h"

namespace ckpt::torch {
namespace {

// Writes the opcodes of a pickle of protocol 2, which every version of PyTorch reads.
class Pickler {
 public:
  Pickler() : out_("\x80\x02", 2) {}

  void raw(char opcode) { out_ += opcode; }

  void text(std::string_view value) {
    out_ += 'X';
    little_endian(value.size(), 4);
    out_ += value;
  }

  void integer(std::uint64_t value) {
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

  // Spelt out the first time, taken from the memo after that.
  void global(std::string_view module, std::string_view name) {
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
    out_ += 'q';
    little_endian(memo_.size(), 1);
    memo_.push_back(key);
  }

  void integers(const std::vector<std::uint64_t>& values) {
    out_ += '(';
    for (const std::uint64_t value : values) integer(value);
    out_ += 't';
  }

  std::string finish() {
    out_ += '.';
    return std::move(out_);
  }

 private:
  void little_endian(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
  }

  std::string out_;
  std::vector<std::string> memo_;  // globals, fewer than 256
};

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks), or v3 with a dtype.
void add_tensor(Pickler& pickler, std::size_t key, const VariableSpec& spec) {
  const std::string_view storage = storage_name(spec.dtype);
  const bool untyped = storage.empty();
  const std::uint64_t bytes = tensor_bytes(spec.dtype, spec.shape);
  pickler.text(spec.name);
  pickler.global("torch._utils", untyped ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2");
  pickler.raw('(');
  pickler.raw('(');
  pickler.text("storage");
  if (untyped) {
    pickler.global("torch.storage", "UntypedStorage");
  } else {
    pickler.global("torch", storage);
  }
  pickler.text(cat(key));
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

std::string make_pickle(const std::vector<VariableSpec>& specs) {
  Pickler pickler;
  pickler.raw('}');
  pickler.raw('(');
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!is_utf8(specs[i].name)) {
      throw Error(Errc::kInvalid, cat("'", escape(specs[i].name),
                                      "' is no UTF-8, which names in a PyTorch file must be"));
    }
    add_tensor(pickler, i, specs[i]);
  }
  pickler.raw('u');
  return pickler.finish();
}

class StateDictWriter final : public Writer {
 public:
  StateDictWriter(const std::string& path, std::vector<VariableSpec> specs, Overwrite overwrite)
      : Writer(std::move(specs)),
        pickle_(make_pickle(this->specs())),
        file_(path, overwrite),
        zip_(file_, members(this->specs(), pickle_.size())) {
    zip_.append(0, as_byte_view(std::string_view(pickle_)));
    zip_.append(1, as_byte_view(kOrder));
    zip_.append(2 + this->specs().size(), as_byte_view(kVersion));
  }

 private:
  static constexpr std::string_view kOrder = "little";
  static constexpr std::string_view kVersion = "3\n";

  static std::vector<zip::NewMember> members(const std::vector<VariableSpec>& specs,
                                             std::size_t pickle_size) {
    std::vector<zip::NewMember> list{{"archive/data.pkl", pickle_size},
                                     {"archive/byteorder", kOrder.size()}};
    for (std::size_t i = 0; i < specs.size(); ++i) {
      list.push_back({cat("archive/data/", i), tensor_bytes(specs[i].dtype, specs[i].shape)});
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
  AtomicFile file_;
  zip::ArchiveWriter zip_;
};

}  // namespace

std::unique_ptr<Writer> create_archive(const std::string& path, std::vector<VariableSpec> specs,
                                       Overwrite overwrite) {
  return std::make_unique<StateDictWriter>(path, std::move(specs), overwrite);
}

}  // namespace ckpt::torch
