#include "formats/h5parse/parsed_source.h"

#include <algorithm>

#include "core/checked.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/h5parse/attribute.h"
#include "formats/h5parse/global_heap.h"
#include "formats/h5parse/group.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Object;
using hdf5::ObjectId;
using hdf5::Storage;

// Section VII.F (virtual datasets): an object of a global heap.
//
//      0  version 0, entries (length)
//         for each: file NUL, dataset NUL, two selections
// The first file's name is enough to tell where it leads.
std::vector<std::string> virtual_files(const Context& context, const Messages& dataset) {
  std::vector<std::string> files;
  const std::uint64_t address = dataset.layout->address;
  if (address == kUndefined) return files;
  GlobalHeap heap(context);
  View view("virtual dataset", address, heap.object(address, dataset.layout->virtual_index),
            context.file.sizes());
  view.version(0, 0);
  if (view.length() > 0) files.emplace_back(view.text());
  return files;
}

Storage storage_of(const Context& context, const Messages& dataset) {
  Storage storage;
  storage.bytes = check_dataset(context, dataset);
  const Layout& layout = *dataset.layout;
  switch (layout.kind) {
    case Layout::Kind::kCompact:
      storage.kind = Storage::Kind::kCompact;
      break;
    case Layout::Kind::kContiguous:
      if (dataset.is_external) {
        storage.kind = Storage::Kind::kExternal;
        storage.files = dataset.external_files;
      } else if (layout.address != kUndefined) {
        storage.kind = Storage::Kind::kContiguous;
        storage.offset = context.file.base() + layout.address;
      }
      break;
    case Layout::Kind::kChunked:
      storage.kind = Storage::Kind::kChunked;
      for (const auto extent : layout.chunk) {
        storage.chunk.push_back(static_cast<std::int64_t>(extent));
      }
      storage.filters = dataset.filters;
      break;
    case Layout::Kind::kVirtual:
      storage.kind = Storage::Kind::kVirtual;
      storage.files = virtual_files(context, dataset);
      break;
  }
  return storage;
}

void note_oddities(const Context& context, const Messages& object) {
  const ObjectHeader& header = object.header;
  if (header.references == 0) {
    context.note(cat("object header at ", header.address, ": says that 0 links lead to it"));
  }
  const auto& cached = context.superblock.cached;
  if (header.address == context.superblock.root && cached && object.symbols &&
      *cached != *object.symbols) {
    context.note(cat("the superblock's copy of the root group's place (B-tree at ", cached->tree,
                     ", heap at ", cached->heap, ") is not what the group says (",
                     object.symbols->tree, ", ", object.symbols->heap, ")"));
  }
  const bool is_stored = object.layout && object.layout->kind == Layout::Kind::kContiguous &&
                         object.layout->address != kUndefined && !object.is_external;
  if (is_stored && object.layout->address == 0 && object.space->elements() > 0) {
    context.note(cat("object header at ", header.address, ": its data lies over the superblock"));
  }
  if (is_stored && object.layout->size != kUndefined && object.space->elements() == 0 &&
      object.layout->size > 0) {
    context.note(cat("object header at ", header.address, ": has no elements, but ",
                     object.layout->size, " bytes are stored"));
  }
}

}  // namespace

// An object whose attributes or elements are read.
struct ParsedSource::Loaded {
  ObjectId id;
  Messages messages;
  std::optional<Attributes> attributes;
  std::optional<Elements> elements;
};

ParsedSource::ParsedSource(const RandomFile& file, Mode mode) : context_(file, mode) {
  read_superblock(context_, file.size());
}

ParsedSource::~ParsedSource() = default;

Object ParsedSource::open(ObjectId id) const {
  Messages messages = read_messages(context_, id);
  Object object;
  object.has_attributes = may_have_attributes(messages);
  if (messages.is_group) {
    if (messages.layout) messages.header.blocks.front().view.fail("is both a group and a dataset");
    object.links = read_links(context_, messages);
  } else if (messages.layout || messages.space) {
    object.kind = Object::Kind::kDataset;
    object.dataset.storage = storage_of(context_, messages);
    object.dataset.type = std::move(*messages.type);
    object.dataset.is_null = messages.space->is_null;
    object.dataset.extents = messages.space->extents;
  } else if (messages.type) {
    object.kind = Object::Kind::kDatatype;
  } else {
    messages.header.blocks.front().view.fail("is neither a group nor a dataset nor a datatype");
  }
  note_oddities(context_, messages);
  return object;
}

ParsedSource::Loaded& ParsedSource::attributes_of(ObjectId id) const {
  if (!attributes_ || attributes_->id != id) {
    attributes_.reset();
    auto loaded = std::make_unique<Loaded>(Loaded{id, read_messages(context_, id), {}, {}});
    loaded->attributes.emplace(context_, loaded->messages);
    attributes_ = std::move(loaded);
  }
  return *attributes_;
}

std::vector<std::string> ParsedSource::attribute_names(ObjectId id) const {
  return attributes_of(id).attributes->names();
}

std::optional<hdf5::Attribute> ParsedSource::attribute(ObjectId id, const std::string& name) const {
  Attributes& attributes = *attributes_of(id).attributes;
  const auto found = std::ranges::lower_bound(attributes.names(), name);
  if (found == attributes.names().end() || *found != name) return std::nullopt;
  try {
    return attributes.read(static_cast<std::size_t>(found - attributes.names().begin()));
  } catch (const Error& e) {
    throw e.in(cat("attribute '", escape(name), "'"));
  }
}

ParsedSource::Loaded& ParsedSource::elements_of(ObjectId id) const {
  if (!elements_ || elements_->id != id) {
    elements_.reset();
    auto loaded = std::make_unique<Loaded>(Loaded{id, read_messages(context_, id), {}, {}});
    check_dataset(context_, loaded->messages);
    loaded->elements.emplace(context_, loaded->messages);
    elements_ = std::move(loaded);
  }
  return *elements_;
}

void ParsedSource::read(ObjectId id, std::uint64_t first, std::uint64_t count,
                        std::span<std::byte> out) const {
  elements_of(id).elements->read(first, count, out);
}

std::vector<std::string> ParsedSource::strings(ObjectId id, std::uint64_t first,
                                               std::uint64_t count) const {
  Loaded& loaded = elements_of(id);
  const auto& type = *loaded.messages.type;
  const View& header = loaded.messages.header.blocks.front().view;
  const auto size = checked_mul(count, type.size);
  if (!size || *size > kMaxAttributeBytes) {
    header.unsupported(cat(count, " texts are asked for at once; at most ", kMaxAttributeBytes,
                           " bytes are read"));
  }
  Bytes bytes(static_cast<std::size_t>(*size));
  loaded.elements->read(first, count, bytes);
  return read_strings(context_, View("strings", header.address(), bytes, context_.file.sizes()),
                      static_cast<std::size_t>(count), type);
}

}  // namespace ckpt::h5parse
