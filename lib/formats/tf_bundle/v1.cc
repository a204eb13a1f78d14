// TensorFlow's checkpoint of "version 1" (util/saved_tensor_slice.proto): a sorted table, or
// several beside one another, P-00000-of-00002 …, that holds the tensors themselves:
//
//   ""                     SavedTensorSlices.meta: names, shapes, types, slices
//   the key of a slice     SavedTensorSlices.data: name, slice, a TensorProto with the values
//
// specs/tensor_bundle_format.md, section 9. Every block is read when the file is opened: what a
// table holds cannot be told from its index, and its blocks have the only checksums there are.
#include "formats/tf_bundle/v1.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <protozero/pbf_reader.hpp>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/roles.h"
#include "formats/tf_bundle/dtype.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/paths.h"
#include "formats/tf_bundle/protos.h"
#include "formats/tf_bundle/table.h"
#include "formats/tf_bundle/tensor_proto.h"
#include "formats/tf_bundle/wire.h"
#include "storage/locked_file.h"
#include "storage/raw_file.h"

namespace ckpt::tf {
namespace {

using protozero::pbf_reader;
using protozero::tag_and_type;

constexpr std::int32_t kVersion = 1;                             // TF_CHECKPOINT_VERSION
constexpr std::uint64_t kLargestBlock = std::uint64_t{2} << 30;  // a record is below 2 GiB
constexpr std::int64_t kMostShards = 10'000;

// A variable as the tables' first entries describe it.
struct Meta {
  std::string name;
  Shape shape;
  std::int32_t type = 0;
  std::vector<Slice> slices;
};

// What stands under the key of a slice. The views are into the block.
struct Data {
  std::string_view name;
  Slice slice;
  std::string_view tensor;
};

Meta decode_meta_of_slice(pbf_reader reader) {
  Meta meta;
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case tag_and_type(1, kBytes):
        meta.name = reader.get_string();
        break;
      case tag_and_type(2, kBytes):
        meta.shape = decode_shape(view_of(reader));
        break;
      case tag_and_type(3, kVarint):
        meta.type = reader.get_enum();
        break;
      case tag_and_type(4, kBytes):
        meta.slices.push_back(decode_slice(view_of(reader)));
        break;
      default:
        reader.skip();
    }
  }
  return meta;
}

std::vector<Meta> decode_meta(std::string_view value) {
  std::vector<Meta> metas;
  decode_proto("the description of its tensors", [&] {
    pbf_reader outer(value.data(), value.size());
    while (outer.next()) {
      if (outer.tag_and_type() != tag_and_type(1, kBytes)) {
        outer.skip();
        continue;
      }
      for (pbf_reader reader = outer.get_message(); reader.next();) {
        if (reader.tag_and_type() == tag_and_type(1, kBytes)) {
          metas.push_back(decode_meta_of_slice(reader.get_message()));
        } else if (reader.tag_and_type() == tag_and_type(2, kBytes)) {
          check_versions(decode_versions(view_of(reader)), kVersion);
        } else {
          reader.skip();
        }
      }
    }
  });
  return metas;
}

Data decode_data(std::string_view value) {
  Data data;
  decode_proto("the record of a slice", [&] {
    pbf_reader outer(value.data(), value.size());
    while (outer.next()) {
      if (outer.tag_and_type() != tag_and_type(2, kBytes)) {
        outer.skip();
        continue;
      }
      for (pbf_reader reader = outer.get_message(); reader.next();) {
        switch (reader.tag_and_type()) {
          case tag_and_type(1, kBytes):
            data.name = view_of(reader);
            break;
          case tag_and_type(2, kBytes):
            data.slice = decode_slice(view_of(reader));
            break;
          case tag_and_type(3, kBytes):
            data.tensor = view_of(reader);
            break;
          default:
            reader.skip();
        }
      }
    }
  });
  return data;
}

class V1Reader final : public Reader {
 public:
  V1Reader(std::unique_ptr<RandomFile> file, const std::string& path) {
    index_.format = "TensorFlow checkpoint v1";
    index_.layout = "saved tensor slices";
    index_.separator = '/';
    open_files(std::move(file), path);
    std::map<std::string, std::size_t, std::less<>> by_name;
    for (std::size_t f = 0; f < files_.size(); ++f) {
      try {
        read_meta(f, by_name);
      } catch (const Error& e) {
        throw files_.size() > 1 ? e.in(files_[f].name) : e;
      }
    }
    for (std::size_t f = 0; f < files_.size(); ++f) {
      try {
        read_records(f, by_name);
      } catch (const Error& e) {
        throw files_.size() > 1 ? e.in(files_[f].name) : e;
      }
    }
    for (const Variable& variable : variables_) {
      try {
        add_entry(variable);
      } catch (const Error& e) {
        throw e.in(escape(variable.meta.name));
      }
    }
    assign_roles(index_.entries, index_.separator);
  }

  [[nodiscard]] const Index& index() const override { return index_; }

  [[nodiscard]] Details details(std::size_t i) const override {
    const Variable& variable = variables_[i];
    Details details;
    std::vector<std::string> slices;
    for (const Part& part : variable.parts) {
      details.stored_bytes += part.stored_bytes;
      if (slices.size() < 64) slices.push_back(text_of(part.slice));
    }
    const Part& first = variable.parts.front();
    details.storage = variable.parts.size() == 1
                          ? cat("block ", first.block, " of ", files_[first.file].name)
                          : count_of(variable.parts.size(), "slice");
    if (variable.parts.size() > 1) details.attributes.push_back({"slices", join(slices, " ")});
    return details;
  }

 private:
  struct File {
    std::string name;
    std::unique_ptr<RandomFile> file;
    std::unique_ptr<Table> table;
  };
  // A slice's record.
  struct Part {
    std::size_t file = 0;
    std::size_t block = 0;
    std::string key;
    Slice slice;
    Box box;
    std::uint64_t stored_bytes = 0;
  };
  struct Variable {
    Meta meta;
    const Type* type = nullptr;
    std::vector<Part> parts;
  };

  void open_files(std::unique_ptr<RandomFile> opened, const std::string& path) {
    std::vector<std::string> paths{path};
    if (const auto name = parse_shard_name(path)) {
      if (name->count < 1 || name->count > kMostShards) {
        throw Error(Errc::kUnsupported,
                    cat("is one of ", name->count, " shards; 1 to ", kMostShards, " are read"));
      }
      paths.clear();
      const auto width = path.size() - path.rfind("-of-") - 4;
      for (std::int64_t shard = 0; shard < name->count; ++shard) {
        std::string number = cat(shard);
        if (number.size() < width) number.insert(0, width - number.size(), '0');
        paths.push_back(cat(name->stem, "-", number, path.substr(path.rfind("-of-"))));
      }
    }
    for (const std::string& each : paths) {
      File file{.name = base_name(each)};
      try {
        file.file = each == path ? std::move(opened) : open_file(each);
        file.table = std::make_unique<Table>(*file.file, kLargestBlock);
      } catch (const Error& e) {
        throw paths.size() > 1 ? e.in(file.name) : e;
      }
      index_.file_bytes += file.file->size();
      files_.push_back(std::move(file));
    }
  }

  void read_meta(std::size_t f, std::map<std::string, std::size_t, std::less<>>& by_name) {
    const Table& table = *files_[f].table;
    std::optional<std::vector<Meta>> metas;
    if (!table.blocks().empty()) {
      bool first = true;
      table.for_each(0, [&](std::string_view key, std::string_view value) {
        if (first && key.empty()) metas = decode_meta(value);
        first = false;
      });
    }
    if (!metas) throw Error(Errc::kCorrupt, "does not begin with a description of its tensors");
    for (Meta& meta : *metas) {
      const auto [it, is_new] = by_name.try_emplace(meta.name, variables_.size());
      if (is_new) {
        const Type* type = find_type(meta.type);
        if (type == nullptr || !num_elements(meta.shape)) {
          throw Error(Errc::kCorrupt, cat(escape(meta.name), ": type ", meta.type, " and shape ",
                                          ckpt::to_string(meta.shape), " cannot be a tensor's"));
        }
        variables_.push_back({.meta = std::move(meta), .type = type, .parts = {}});
        continue;
      }
      Meta& known = variables_[it->second].meta;
      if (known.shape != meta.shape || known.type != meta.type) {
        throw Error(Errc::kCorrupt,
                    cat(escape(meta.name), ": is described twice, with shapes ",
                        ckpt::to_string(known.shape), " and ", ckpt::to_string(meta.shape)));
      }
      known.slices.insert(known.slices.end(), meta.slices.begin(), meta.slices.end());
    }
  }

  void read_records(std::size_t f, const std::map<std::string, std::size_t, std::less<>>& by_name) {
    const Table& table = *files_[f].table;
    for (std::size_t block = 0; block < table.blocks().size(); ++block) {
      table.for_each(block, [&](std::string_view key, std::string_view value) {
        if (key.empty()) return;
        const Data data = decode_data(value);
        const auto it = by_name.find(data.name);
        if (it == by_name.end() || encode_slice_key(data.name, data.slice) != key) {
          throw Error(Errc::kCorrupt,
                      cat("has the slice ", text_of(data.slice), " of '", escape(data.name),
                          "', which is not as its key or the "
                          "description of the tensors says"));
        }
        Variable& variable = variables_[it->second];
        try {
          Part part{.file = f, .block = block, .key = std::string(key), .slice = data.slice};
          part.box = box_of(data.slice, variable.meta.shape);
          part.stored_bytes = value.size();
          const std::uint64_t needed = num_elements(part.box.count).value_or(0);
          const std::uint64_t count = count_values(data.tensor, *variable.type);
          if (count != needed) {
            throw Error(Errc::kCorrupt,
                        cat("slice ", text_of(data.slice), " has ", count, " values, its shape ",
                            ckpt::to_string(part.box.count), " needs ", needed));
          }
          variable.parts.push_back(std::move(part));
        } catch (const Error& e) {
          throw e.in(escape(variable.meta.name));
        }
      });
    }
  }

  void add_entry(const Variable& variable) {
    if (variable.parts.size() != variable.meta.slices.size()) {
      throw Error(Errc::kCorrupt, cat("has ", variable.parts.size(), " slices of the ",
                                      variable.meta.slices.size(), " it is described with"));
    }
    if (variable.parts.empty()) throw Error(Errc::kCorrupt, "has no slices");
    std::vector<Box> boxes;
    for (const Part& part : variable.parts) boxes.push_back(part.box);
    check_cover(boxes, variable.meta.shape);
    const DType dtype = variable.type->dtype;
    const Part& first = variable.parts.front();
    Entry entry{.name = variable.meta.name, .dtype = dtype, .shape = variable.meta.shape};
    const std::size_t more = variable.parts.size() - 1;
    entry.own_place = cat(files_[first.file].name, " block ", first.block,
                          more > 0 ? cat(" and ", more, " more") : "");
    if (!is_numeric(dtype) || variable.type->name[0] == 'q' ||
        variable.type->name.starts_with("uq")) {
      entry.native_dtype = variable.type->name;
    }
    if (is_numeric(dtype)) entry.nbytes = tensor_bytes(dtype, entry.shape);
    index_.entries.push_back(std::move(entry));
  }

  // The whole tensor, from all of its slices.
  [[nodiscard]] Bytes assemble(const Variable& variable) const {
    const std::uint64_t size = variable.type->size;
    Bytes whole(static_cast<std::size_t>(tensor_bytes(variable.type->dtype, variable.meta.shape)));
    for (const Part& part : variable.parts) {
      Bytes values;
      files_[part.file].table->for_each(
          part.block, [&](std::string_view key, std::string_view value) {
            if (key == part.key) values = decode_values(decode_data(value).tensor, *variable.type);
          });
      if (values.size() != num_elements(part.box.count).value_or(0) * size) {
        throw Error(Errc::kCorrupt, "the file has changed since it was opened");
      }
      for (const Run& run : runs_of(part.box, variable.meta.shape, 0, whole.size() / size)) {
        std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(run.in_box * size),
                    run.count * size,
                    whole.begin() + static_cast<std::ptrdiff_t>(run.in_tensor * size));
      }
    }
    return whole;
  }

  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    // Values must be decoded from the start of their record, so the tensor that was read last is
    // kept: it is the "chunk" of this format.
    const std::lock_guard lock(mutex_);
    if (cached_ != i) {
      cached_.reset();
      try {
        tensor_ = assemble(variables_[i]);
      } catch (const Error& e) {
        throw e.in(escape(variables_[i].meta.name));
      }
      cached_ = i;
    }
    const std::uint64_t offset = first * variables_[i].type->size;
    std::copy_n(tensor_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  }

  Index index_;
  std::vector<File> files_;
  std::vector<Variable> variables_;
  mutable std::mutex mutex_;
  mutable std::optional<std::size_t> cached_;
  mutable Bytes tensor_;
};

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string& path,
                             const OpenOptions&) {
  return std::make_unique<V1Reader>(std::move(file), path);
}

}  // namespace

const Format kTfV1Format{.name = "TensorFlow checkpoint v1",
                         .id = "tf1",
                         .separator = '/',
                         .suffixes = ".ckpt",
                         .detect = is_v1_table,
                         .resolve = find_v1,
                         .open = open,
                         .create = nullptr};

}  // namespace ckpt::tf
