#include "formats/h5parse/attribute.h"

#include <algorithm>

#include "core/escape.h"
#include "formats/h5parse/datatype.h"
#include "formats/h5parse/dense.h"
#include "formats/h5parse/global_heap.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/object_header.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Attribute;
using hdf5::Datatype;

constexpr std::uint32_t kAttribute = 0x0c;  // types of messages
constexpr std::uint32_t kAttributeInfo = 0x15;
constexpr std::uint32_t kDatatype = 0x03;
constexpr std::uint32_t kDataspace = 0x01;
constexpr std::uint32_t kSharedType = 1U;  // flags of an attribute
constexpr std::uint32_t kSharedSpace = 2U;

struct Parts {
  std::string_view name;
  std::uint64_t flags = 0;
  View type;
  View space;
  View data;
};

// Section IV.A.2.m.
//
//      0  version, flags (version 1: 0)
//      2  sizes of the name, the datatype and the dataspace (2 each), version 3: character set
//         name with its NUL, datatype, dataspace, each padded to 8 bytes in version 1; data
Parts read_parts(View body) {
  const std::uint32_t version = body.version(1, 3);
  const auto [flags, name_size, type_size, space_size] = body.fields<1, 2, 2, 2>();
  if (version == 3) body.skip(1);
  const auto part = [&](std::string_view what, std::uint64_t size) {
    const View view = body.part(what, size);
    if (version == 1) body.skip((8 - size % 8) % 8);
    return view;
  };
  View name = part("attribute name", name_size);
  const View type = part("datatype", type_size);
  const View space = part("dataspace", space_size);
  const std::string_view text = name.text();
  return {text, version == 1 ? 0 : flags, type, space, body.part("attribute", body.left())};
}

std::string without_padding(std::string_view text, bool space_padded) {
  if (space_padded) return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
  return std::string(text.substr(0, text.find('\0')));
}

// The texts of elements of a string type, without padding.
std::vector<std::string> read_strings(const Context& context, View elements, const Datatype& type) {
  std::vector<std::string> out;
  GlobalHeap heap(context);
  std::uint64_t total = 0;
  while (elements.left() > 0) {
    const View element = elements.part("string", type.size);
    out.emplace_back();
    context.attempt([&] {
      const ByteView bytes = type.variable_string ? heap.text(element) : element.whole();
      out.back() = without_padding(as_text(bytes), type.space_padded);
    });
    total += out.back().size();
    elements.limit("the length of its texts", total, hdf5::kMaxAttributeBytes);
  }
  return out;
}

}  // namespace

Attributes::Attributes(const Context& context, std::uint64_t address)
    : context_(context), object_(address) {
  context.begin();
  const auto add = [&](const View& body) {
    const ByteView bytes = body.whole();
    const std::string_view name = read_parts(body).name;
    sorted_.push_back({std::string(name), body.address(), {bytes.begin(), bytes.end()}});
    return name;
  };
  DenseIndex dense;
  read_object_header(context, address, [&](const Message& message) {
    context.attempt([&] {
      if (message.type == kAttribute) add(message.body);
      if (message.type == kAttributeInfo) dense = read_dense_index(message.body, 2);
    });
  });
  if (dense.heap != kUndefined) {
    const auto take = [&](View body, bool is_shared, std::size_t /*left*/) {
      return add(is_shared ? resolve_shared(context, kAttribute, body, address) : body);
    };
    context.attempt([&] { for_each_dense(context, dense, kAttributesByName, address, take); });
  }
  std::ranges::stable_sort(sorted_, {}, &Named::name);
  const auto is_twin = [](const Named& a, const Named& b) { return a.name == b.name; };
  const auto twin = std::ranges::adjacent_find(sorted_, is_twin);
  if (twin == sorted_.end()) return;
  context.attempt([&] {
    corrupt("object at ", address, ": two attributes are called '", escape(twin->name), "'");
  });
  sorted_.erase(std::unique(twin, sorted_.end(), is_twin), sorted_.end());
}

std::vector<std::string> Attributes::names() const {
  std::vector<std::string> names(sorted_.size());
  std::ranges::transform(sorted_, names.begin(), &Named::name);
  return names;
}

std::optional<Attribute> Attributes::read(const std::string& name) const {
  const auto named = std::ranges::lower_bound(sorted_, name, {}, &Named::name);
  if (named == sorted_.end() || named->name != name) return std::nullopt;
  context_.begin();
  Attribute out;
  out.name = name;
  const Parts parts = read_parts({"attribute", named->address, named->body, context_.file.sizes()});
  const auto resolved = [&](std::uint32_t flag, std::uint32_t type, const View& part) {
    return (parts.flags & flag) == 0 ? part : resolve_shared(context_, type, part, object_);
  };
  out.type = read_datatype(resolved(kSharedType, kDatatype, parts.type));
  const Dataspace extents = read_dataspace(resolved(kSharedSpace, kDataspace, parts.space));
  out.extents = extents.extents;
  out.is_null = extents.is_null;
  View data = parts.data;
  const View elements = data.part("attribute's elements", extents.bytes(out.type.size));
  if (out.type.klass == Datatype::Class::kString) {
    out.strings = read_strings(context_, elements, out.type);
  } else if (!has_variable_length(out.type)) {
    out.bytes.assign(elements.whole().begin(), elements.whole().end());
  }
  return out;
}

}  // namespace ckpt::h5parse
