#include "formats/tf_bundle/reader.h"

#include <dirent.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/text.h"
#include "formats/io/roles.h"
#include "formats/io/swap.h"
#include "formats/tf_bundle/crc32c.h"
#include "formats/tf_bundle/dtype.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/object_graph.h"
#include "formats/tf_bundle/paths.h"
#include "formats/tf_bundle/strings.h"
#include "storage/locked_file.h"
#include "storage/raw_file.h"

namespace ckpt::tf {
namespace {

constexpr std::size_t kMostNotes = 10;  // of one kind
constexpr std::int64_t kLargestGraph = std::int64_t{256} << 20;
constexpr std::int64_t kLargestStrings = std::int64_t{1} << 20;  // that are checked on opening

// The bytes that change their order together: an element's, or a half of a complex one's.
std::size_t swap_unit(DType dtype) {
  return class_of(dtype) == DTypeClass::kComplex ? size_of(dtype) / 2 : size_of(dtype);
}

std::string hex8(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return to_hex(bytes);
}

// The numbers of shards that the file names beside `prefix` tell: of "m.data-00000-of-00003", 3.
std::set<std::int64_t> shard_counts_beside(const std::string& prefix) {
  const auto slash = prefix.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : prefix.substr(0, slash + 1);
  const std::string stem = base_name(prefix) + ".data";
  std::set<std::int64_t> counts;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (!dir) return counts;
  while (const dirent* item = ::readdir(dir.get())) {
    const auto name = parse_shard_name(item->d_name);
    if (name && name->stem == stem) counts.insert(name->count);
  }
  return counts;
}

class BundleReader final : public Reader {
 public:
  BundleReader(const RandomFile& file, const std::string& path) : bundle_(read_bundle_index(file)) {
    index_.format = "TensorFlow bundle";
    index_.separator = '/';
    index_.file_bytes = file.size();
    open_shards(prefix_of_index(path));
    check_places();
    index_.entries.reserve(bundle_.variables.size());
    for (const auto& variable : bundle_.variables) add_entry(variable);
    check_strings();
    read_graph();
    assign_roles(index_.entries, index_.separator);
    index_.layout = graph_ ? "object-based" : "name-based";
  }

  [[nodiscard]] const Index& index() const override { return index_; }

  [[nodiscard]] Details details(std::size_t i) const override {
    const auto& variable = bundle_.variables[i];
    Details details;
    std::vector<std::string> places;
    for (std::size_t p = 0; p < variable.piece_count(); ++p) {
      const BundleEntry& entry = variable.piece(p);
      details.stored_bytes += static_cast<std::uint64_t>(entry.size);
      if (places.size() < 16) {
        places.push_back(cat("shard ", entry.shard, " at ", entry.offset, ", ", entry.size,
                             " bytes, masked crc32c ", hex8(entry.crc)));
      }
    }
    details.storage = variable.entry.slices.empty()
                          ? places.front()
                          : cat(count_of(variable.parts.size(), "slice"), ": ", join(places, "; "));
    const auto add = [&](std::string name, std::string value) {
      details.attributes.push_back({std::move(name), std::move(value)});
    };
    if (!variable.entry.slices.empty()) {
      std::vector<std::string> slices;
      for (const Slice& slice : variable.entry.slices) {
        if (slices.size() < 64) slices.push_back(text_of(slice));
      }
      add("slices", join(slices, " "));
    }
    if (graph_) {
      const auto it = graph_->tensors.find(variable.name);
      if (it != graph_->tensors.end()) {
        const auto& [full_name, paths] = it->second;
        if (!full_name.empty()) add("full_name", full_name);
        if (!paths.empty()) add("object", paths.front());
        if (paths.size() > 1) add("object is also", join({paths.begin() + 1, paths.end()}, ", "));
      }
    }
    return details;
  }

 private:
  void open_shards(const std::string& prefix) {
    std::set<std::int32_t> needed;
    for (const auto& variable : bundle_.variables) {
      for (std::size_t p = 0; p < variable.piece_count(); ++p) {
        needed.insert(variable.piece(p).shard);
      }
    }
    count_ = bundle_.header.num_shards;
    const auto open = [&] {
      shards_.clear();
      for (const std::int32_t shard : needed) {
        try {
          shards_[shard] = open_file(shard_path(prefix, shard, count_));
        } catch (const Error& e) {
          if (e.code() != Errc::kNotFound) throw e.in(base_name(shard_path(prefix, shard, count_)));
        }
      }
    };
    open();
    // A merge of which one part was empty leaves a header that counts a shard too many.
    if (shards_.empty() && !needed.empty()) {
      const auto counts = shard_counts_beside(prefix);
      if (counts.size() == 1 && *needed.rbegin() < *counts.begin()) {
        count_ = *counts.begin();
        open();
        index_.notes.push_back(cat("the index speaks of ", bundle_.header.num_shards,
                                   " data shards, the files' names of ", count_));
      }
    }
    for (const std::int32_t shard : needed) {
      const auto it = shards_.find(shard);
      if (it == shards_.end()) {
        if (missing_++ < kMostNotes) {
          index_.notes.push_back(
              cat("the data shard ", base_name(shard_path(prefix, shard, count_)),
                  " is not there; what lies in it is listed, but cannot be read"));
        }
      } else {
        index_.file_bytes += it->second->size();
      }
    }
    if (missing_ > kMostNotes) {
      index_.notes.push_back(cat("… and ", count_of(missing_ - kMostNotes, "more data shard"),
                                 missing_ - kMostNotes == 1 ? " is" : " are", " not there"));
    }
    name_of_prefix_ = base_name(prefix);
  }

  // Every tensor inside its shard. Two at exactly one place are an oddity, more is a contradiction.
  void check_places() {
    struct Place {
      std::uint64_t begin;
      std::uint64_t end;
      std::string_view name;
    };
    std::map<std::int32_t, std::vector<Place>> places;
    std::size_t shared_places = 0;
    for (const auto& variable : bundle_.variables) {
      for (std::size_t p = 0; p < variable.piece_count(); ++p) {
        const BundleEntry& entry = variable.piece(p);
        const auto begin = static_cast<std::uint64_t>(entry.offset);
        const auto end = begin + static_cast<std::uint64_t>(entry.size);
        const auto shard = shards_.find(entry.shard);
        if (shard != shards_.end() && end > shard->second->size()) {
          throw Error(Errc::kCorrupt, cat(escape(variable.name), ": offset ", begin, " + ",
                                          entry.size, " bytes passes the end of shard ",
                                          entry.shard, " (", shard->second->size(), ")"));
        }
        if (begin < end) places[entry.shard].push_back({begin, end, variable.name});
      }
    }
    for (auto& [shard, list] : places) {
      std::ranges::sort(list, [](const Place& a, const Place& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
      });
      std::uint64_t covered = 0;
      for (std::size_t i = 0; i < list.size(); ++i) {
        const bool same =
            i > 0 && list[i].begin == list[i - 1].begin && list[i].end == list[i - 1].end;
        if (same) {
          if (shared_places++ < kMostNotes) {
            index_.notes.push_back(cat(escape(list[i].name), " and ", escape(list[i - 1].name),
                                       " lie at one place, shard ", shard, " at ", list[i].begin));
          }
          continue;
        }
        if (i > 0 && list[i].begin < list[i - 1].end) {
          throw Error(
              Errc::kCorrupt,
              cat(escape(list[i].name), ": begins at ", list[i].begin, " of shard ", shard,
                  ", inside ", escape(list[i - 1].name), ", which ends at ", list[i - 1].end));
        }
        covered += list[i].end - list[i].begin;
      }
      const auto it = shards_.find(shard);
      if (it != shards_.end() && it->second->size() > covered) {
        index_.notes.push_back(cat(count_of(it->second->size() - covered, "byte"), " of shard ",
                                   shard, " belong", it->second->size() - covered == 1 ? "s" : "",
                                   " to no tensor"));
      }
    }
    if (shared_places > kMostNotes) {
      index_.notes.push_back(cat("… and ", count_of(shared_places - kMostNotes, "more pair"),
                                 " of variables at one place"));
    }
  }

  void add_entry(const BundleIndex::Variable& variable) {
    const Type& type = *find_type(variable.entry.type);
    const BundleEntry& first = variable.piece(0);
    Entry entry{
        .name = std::string(variable.name), .dtype = type.dtype, .shape = variable.entry.shape};
    const std::size_t more = variable.piece_count() - 1;
    entry.own_place =
        cat("shard ", first.shard, "+", first.offset, more > 0 ? cat(" and ", more, " more") : "");
    const bool is_quantised = type.name[0] == 'q' || type.name.starts_with("uq");
    if (!is_numeric(type.dtype) || is_quantised) entry.native_dtype = type.name;
    if (is_numeric(type.dtype)) {
      entry.nbytes = *num_elements(entry.shape) * type.size;
      if (bundle_.header.big_endian && swap_unit(type.dtype) > 1) {
        entry.native_dtype = cat(">", is_quantised ? type.name : name_of(type.dtype));
      }
    }
    index_.entries.push_back(std::move(entry));
  }

  [[nodiscard]] std::string stored_bytes(const BundleEntry& entry) const {
    std::string bytes(static_cast<std::size_t>(entry.size), '\0');
    shards_.at(entry.shard)
        ->read_at(static_cast<std::uint64_t>(entry.offset),
                  std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }

  // Strings are no tensors here, so they are checked when the bundle is opened, where they are few.
  void check_strings() {
    for (const auto& variable : bundle_.variables) {
      if (variable.entry.type != kStringType || variable.name == kObjectGraphKey) continue;
      for (std::size_t p = 0; p < variable.piece_count(); ++p) {
        const BundleEntry& entry = variable.piece(p);
        if (entry.size > kLargestStrings || !shards_.contains(entry.shard)) continue;
        static_cast<void>(is_sound_string(variable.name, entry, stored_bytes(entry)));
      }
    }
  }

  // Lengths that contradict the tensor's size are an error. Damage of the strings themselves is a
  // note, since nothing else depends on them.
  bool is_sound_string(std::string_view name, const BundleEntry& entry, std::string_view bytes) {
    const std::uint64_t count = *num_elements(entry.shape);
    const bool big_endian = bundle_.header.big_endian;
    try {
      const std::uint32_t crc = crc_of_strings(bytes, count, big_endian);
      if (crc == entry.crc) {
        static_cast<void>(decode_strings(bytes, count, big_endian));
        return true;
      }
      index_.notes.push_back(cat(escape(name),
                                 ": its strings are damaged: they have the masked crc32c ",
                                 hex8(crc), ", the index says ", hex8(entry.crc)));
      return false;
    } catch (const Error& e) {
      throw e.in(escape(name));
    }
  }

  void read_graph() {
    const auto it =
        std::ranges::find(bundle_.variables, kObjectGraphKey, &BundleIndex::Variable::name);
    if (it == bundle_.variables.end() || it->entry.type != kStringType ||
        !it->entry.shape.empty() || !it->entry.slices.empty()) {
      return;
    }
    graph_.emplace();
    const BundleEntry& entry = it->entry;
    if (!shards_.contains(entry.shard)) return;
    if (entry.size > kLargestGraph) {
      index_.notes.push_back(cat("the object graph has ", entry.size,
                                 " bytes and is not read; at "
                                 "most ",
                                 kLargestGraph, " are"));
      return;
    }
    const std::string bytes = stored_bytes(entry);
    if (!is_sound_string(kObjectGraphKey, entry, bytes)) return;
    try {
      graph_ = decode_object_graph(decode_strings(bytes, 1, bundle_.header.big_endian)[0]);
      for (const std::string& oddity : graph_->oddities) index_.notes.push_back(oddity);
      check_graph_keys();
    } catch (const Error& e) {
      index_.notes.push_back(cat(e.what(), "; variables are listed without what it says of them"));
    }
  }

  // What the variable of a key like "layer-0/kernel/.ATTRIBUTES/VARIABLE_VALUE" was called when it
  // was made, beside its scope.
  void name_scope(std::string_view key, const std::string& full_name) {
    constexpr std::string_view kAttributes = "/.ATTRIBUTES";
    const auto at = key.find(kAttributes);
    if (at == std::string_view::npos || full_name.empty()) return;
    const std::string_view object = key.substr(0, at);
    if (object == full_name || object.ends_with(cat("/", full_name))) return;
    index_.layers.emplace(key.substr(0, at + kAttributes.size()), full_name);
  }

  // A key may be the beginning of several names: tables keep their keys and values under it.
  void check_graph_keys() {
    std::vector<std::string> lost;
    const auto& variables = bundle_.variables;
    for (const auto& [key, object] : graph_->tensors) {
      name_scope(key, object.full_name);
      const auto it = std::ranges::lower_bound(variables, key, {}, &BundleIndex::Variable::name);
      if (it == variables.end() || !it->name.starts_with(key)) lost.push_back(escape(key));
    }
    if (lost.empty()) return;
    const std::size_t count = lost.size();
    lost.resize(std::min<std::size_t>(count, 3));
    index_.notes.push_back(cat("the object graph speaks of ", count_of(count, "tensor"),
                               " that the index does not have: ", join(lost, ", "),
                               count > lost.size() ? ", …" : ""));
  }

  // Reads bytes of a piece. The checksum is over all of it, so it is carried along from read to
  // read as long as they follow one another, and compared at the end.
  void read_piece(std::size_t i, std::size_t piece, std::uint64_t at,
                  std::span<std::byte> out) const {
    const auto& variable = bundle_.variables[i];
    const BundleEntry& entry = variable.piece(piece);
    const auto shard = shards_.find(entry.shard);
    if (shard == shards_.end()) {
      throw Error(Errc::kUnsupported,
                  cat(escape(variable.name), ": its data shard ",
                      shard_path(name_of_prefix_, entry.shard, count_), " is not there"));
    }
    try {
      shard->second->read_at(static_cast<std::uint64_t>(entry.offset) + at, out);
    } catch (const Error& e) {
      throw e.in(escape(variable.name));
    }
    const auto size = static_cast<std::uint64_t>(entry.size);
    std::uint32_t crc = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto it = running_.find({i, piece});
      if (at != 0 && (it == running_.end() || it->second.next != at)) return;
      crc = at == 0 ? 0 : it->second.crc;
    }
    crc = extend_crc32c(crc, out);
    const bool finished = at + out.size() == size;
    {
      const std::lock_guard lock(mutex_);
      if (finished) {
        running_.erase({i, piece});
      } else {
        running_[{i, piece}] = {.next = at + out.size(), .crc = crc};
      }
    }
    if (finished && mask_crc32c(crc) != entry.crc) {
      throw Error(Errc::kCorrupt,
                  cat(escape(variable.name), ": its bytes have the masked crc32c ",
                      hex8(mask_crc32c(crc)), ", the index says ", hex8(entry.crc)));
    }
  }

  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    const auto& variable = bundle_.variables[i];
    const DType dtype = index_.entries[i].dtype;
    const std::uint64_t size = size_of(dtype);
    if (variable.parts.empty()) {
      read_piece(i, 0, first * size, out);
    } else {
      const std::uint64_t last = first + out.size() / size;
      Bytes buffer;
      for (std::size_t p = 0; p < variable.parts.size(); ++p) {
        const auto runs = runs_of(variable.parts[p].box, variable.entry.shape, first, last);
        if (runs.empty()) continue;
        // Runs that follow one another in the tensor do so in the slice too, without gaps.
        const std::uint64_t begin = runs.front().in_box;
        buffer.resize(
            static_cast<std::size_t>((runs.back().in_box + runs.back().count - begin) * size));
        read_piece(i, p, begin * size, buffer);
        for (const Run& run : runs) {
          const auto from =
              buffer.begin() + static_cast<std::ptrdiff_t>((run.in_box - begin) * size);
          std::copy_n(from, run.count * size,
                      out.begin() + static_cast<std::ptrdiff_t>((run.in_tensor - first) * size));
        }
      }
    }
    if (bundle_.header.big_endian) swap_units(out, swap_unit(dtype));
  }

  struct Running {
    std::uint64_t next = 0;
    std::uint32_t crc = 0;
  };

  Index index_;
  BundleIndex bundle_;
  std::map<std::int32_t, std::unique_ptr<RandomFile>> shards_;  // those that are there
  std::int64_t count_ = 0;                                      // of shards, as in their names
  std::size_t missing_ = 0;
  std::string name_of_prefix_;
  std::optional<ObjectGraph> graph_;  // of an object-based checkpoint; without nodes if unreadable
  mutable std::mutex mutex_;
  mutable std::map<std::pair<std::size_t, std::size_t>, Running> running_;
};

}  // namespace

std::unique_ptr<Reader> open_bundle(const RandomFile& index, const std::string& path) {
  return std::make_unique<BundleReader>(index, path);
}

}  // namespace ckpt::tf
