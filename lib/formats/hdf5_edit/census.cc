#include "formats/hdf5_edit/census.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/layout.h"
#include "formats/hdf5/variable.h"
#include "storage/checksum.h"

namespace ckpt::hdf5 {
namespace {

// What makes an object what it is, as one run of bytes.
class Description {
 public:
  Description() { bytes_.reserve(512); }

  void add(ByteView bytes) { bytes_ += as_text(bytes); }
  void add_number(std::uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }

  [[nodiscard]] std::uint64_t checksum() const { return short_checksum(as_byte_view(bytes_)); }

 private:
  std::string bytes_;
};

void add(Description& sum, const std::string& text) {
  sum.add_number(text.size());
  sum.add(as_byte_view(text));
}

void add(Description& sum, const std::vector<std::uint64_t>& numbers) {
  sum.add_number(numbers.size());
  for (const auto number : numbers) sum.add_number(number);
}

void add(Description& sum, const Datatype& type) {
  sum.add_number(static_cast<std::uint64_t>(type.klass));
  sum.add_number(type.size);
  sum.add_number((type.big_endian ? 1U : 0U) | (type.odd_order ? 2U : 0U) |
                 (type.is_signed ? 4U : 0U) | (type.variable_string ? 8U : 0U) |
                 (type.fields.implied_one ? 16U : 0U));
  for (const auto number : {type.precision, type.bit_offset, type.fields.sign, type.fields.exponent,
                            type.fields.exponent_size, type.fields.mantissa,
                            type.fields.mantissa_size, type.fields.bias}) {
    sum.add_number(number);
  }
  add(sum, type.tag);
  add(sum, type.array);
  sum.add_number(type.members.size());
  for (const auto& member : type.members) {
    add(sum, member.name);
    sum.add_number(member.offset);
    sum.add_number(static_cast<std::uint64_t>(member.value));
    add(sum, member.type);
  }
  sum.add_number(type.base.size());
  for (const auto& base : type.base) add(sum, base);
}

void add(Description& sum, const Storage& storage) {
  sum.add_number(static_cast<std::uint64_t>(storage.kind));
  sum.add_number(storage.offset);
  sum.add_number(storage.bytes);
  sum.add_number(storage.chunk.size());
  for (const auto extent : storage.chunk) sum.add_number(static_cast<std::uint64_t>(extent));
  sum.add_number(storage.filters.size());
  for (const auto& [index, place, skipped] : storage.chunks) {
    for (const auto number : {index, place.offset, place.bytes, std::uint64_t{skipped}}) {
      sum.add_number(number);
    }
  }
  for (const auto& filter : storage.filters) {
    sum.add_number(filter.id);
    for (const auto value : filter.values) sum.add_number(value);
  }
  for (const auto& file : storage.files) add(sum, file);
}

bool is_left_out(const std::string& name, const std::vector<std::string>& without) {
  return std::ranges::any_of(without, [&](const std::string& base) {
    return name.starts_with(base) &&
           name.find_first_not_of("0123456789", base.size()) == std::string::npos;
  });
}

// Passes everything through, and shows what passes.
class ObservedSource final : public Source {
 public:
  ObservedSource(const Source& source, Observer& observer) : source_(source), observer_(observer) {}

  // Was the object recalled that was opened last?
  [[nodiscard]] bool has_recalled() const { return has_recalled_; }

  [[nodiscard]] ObjectId root() const override { return source_.root(); }
  [[nodiscard]] Object open(ObjectId id) const override {
    auto known = observer_.recall(id);
    has_recalled_ = known.has_value();
    if (known) return *std::move(known);
    Object object = source_.open(id);
    observer_.see(id, object);
    return object;
  }
  [[nodiscard]] std::vector<std::string> attribute_names(ObjectId id) const override {
    return source_.attribute_names(id);
  }
  [[nodiscard]] std::optional<Attribute> attribute(ObjectId id,
                                                   const std::string& name) const override {
    return source_.attribute(id, name);
  }
  void read(ObjectId id, std::uint64_t first, std::uint64_t count,
            std::span<std::byte> out) const override {
    source_.read(id, first, count, out);
  }

 private:
  const Source& source_;
  Observer& observer_;
  mutable bool has_recalled_ = false;
};

class Counter final : public Observer {
 public:
  Counter(Census& census, const Source& source) : census_(census), source_(source) {}

  std::optional<Object> recall(ObjectId /*id*/) override { return std::nullopt; }
  void see(ObjectId id, const Object& object) override {
    const bool has_attributes = object.has_attributes && !source_.attribute_names(id).empty();
    // What attributes hold may lie anywhere: such an object is always read again.
    if (!has_attributes) census_.traces.add(id, object.kind, source_.looked_at());
    if (object.kind == Object::Kind::kGroup) {
      census_.links.add_group(id, object.links, has_attributes);
    }
  }

 private:
  Census& census_;
  const Source& source_;
};

}  // namespace

std::uint64_t checksum_of(const Source& source, ObjectId id, const Object& object,
                          const std::vector<std::string>& without) {
  Description sum;
  sum.add_number(static_cast<std::uint64_t>(object.kind));
  if (object.kind == Object::Kind::kDataset) {
    add(sum, object.dataset.type);
    sum.add_number(object.dataset.is_null ? 1 : 0);
    add(sum, object.dataset.extents);
    add(sum, object.dataset.storage);
  }
  if (!object.has_attributes) return sum.checksum();
  auto names = source.attribute_names(id);
  std::ranges::sort(names);
  for (const auto& name : names) {
    if (is_left_out(name, without)) continue;
    add(sum, name);
    try {
      const auto attribute = source.attribute(id, name);
      if (!attribute) continue;
      add(sum, attribute->type);
      add(sum, attribute->extents);
      sum.add_number(attribute->strings.size());
      for (const auto& text : attribute->strings) add(sum, text);
      sum.add(attribute->bytes);
    } catch (const Error& e) {
      add(sum, e.what());  // too large to be read, before and after
    }
  }
  return sum.checksum();
}

std::string_view Variables::name_of(std::size_t i) const {
  const auto it = names.find(i);
  return it == names.end() ? variables[i].place : it->second;
}

std::span<const Variables::Alias> Variables::aliases_of(std::size_t i) const {
  const auto first = std::ranges::lower_bound(aliases, i, {}, &Alias::variable);
  const auto last = std::ranges::upper_bound(first, aliases.end(), i, {}, &Alias::variable);
  return {first, last};
}

Variables list_variables(const Source& source, const RandomFile& file, bool use_paths,
                         Observer& observer) {
  Variables out;
  Notes notes;
  const ObservedSource observed(source, observer);
  const auto take = [&](const std::string& path, ObjectId id, Dataset&& dataset) {
    try {
      // What an opaque type holds does not matter here: its bytes stay what they are.
      if (!observed.has_recalled()) {
        static_cast<void>(make_variable(path, id, dataset, "", file.size(), notes));
      }
    } catch (const Error& e) {
      throw e.in(cat("/", escape(path)));
    }
    const std::string_view place = out.strings.add(path);
    out.variables.push_back({place, id, dataset.storage.kind});
    return true;
  };
  const Walk found = walk(observed, take, notes);
  for (const auto& alias : found.aliases) {
    out.aliases.push_back({alias.dataset, out.strings.add(alias.path)});
  }
  out.variables.shrink_to_fit();  // what an edit keeps for long
  std::ranges::sort(out.aliases, {}, [](const Variables::Alias& alias) {
    return std::pair(alias.variable, alias.path);
  });
  std::vector<std::string_view> paths;
  paths.reserve(out.variables.size());
  for (const auto& variable : out.variables) paths.push_back(variable.place);
  Layout layout = read_layout(source, found, paths, notes);
  out.layout = std::move(layout.words);
  if (!use_paths) out.names = std::move(layout.names);
  return out;
}

Census take_census(const Source& source, const RandomFile& file, bool use_paths) {
  Census census;
  census.links = LinkTree(source.root());
  Counter counter(census, source);
  static_cast<Variables&>(census) = list_variables(source, file, use_paths, counter);
  return census;
}

}  // namespace ckpt::hdf5
