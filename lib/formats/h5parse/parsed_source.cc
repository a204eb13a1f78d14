#include "formats/h5parse/parsed_source.h"

#include "core/escape.h"
#include "formats/h5parse/group.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Object;
using hdf5::ObjectId;

}  // namespace

ParsedSource::ParsedSource(const RandomFile& file, Mode mode, Survey survey)
    : context_(file, mode), survey_(survey) {
  if (survey == Survey::kAll) context_.file.survey();
  read_superblock(context_, file);
}

Object ParsedSource::open(ObjectId id) const {
  context_.begin();
  if (survey_ == Survey::kObject) context_.file.survey();
  Messages messages = read_messages(context_, id);
  Object object;
  object.has_attributes = messages.has_attributes;
  if (messages.is_group) {
    if (messages.layout) messages.header.view.fail("is both a group and a dataset");
    object.links = read_links(context_, messages);
  } else if (messages.layout || messages.space) {
    object.kind = Object::Kind::kDataset;
    object.dataset.storage = read_storage(context_, messages);
    object.dataset.type = std::move(*messages.type);
    object.dataset.is_null = messages.space->is_null;
    object.dataset.extents = std::move(messages.space->extents);
  } else if (messages.type) {
    object.kind = Object::Kind::kDatatype;
  } else {
    messages.header.view.fail("is neither a group nor a dataset nor a datatype");
  }
  return object;
}

std::vector<std::string> ParsedSource::attribute_names(ObjectId id) const {
  return of_object(attributes_, id).names();
}

std::optional<hdf5::Attribute> ParsedSource::attribute(ObjectId id, const std::string& name) const {
  try {
    return of_object(attributes_, id).read(name);
  } catch (const Error& e) {
    throw e.in(cat("attribute '", escape(name), "'"));
  }
}

void ParsedSource::read(ObjectId id, std::uint64_t first, std::uint64_t count,
                        std::span<std::byte> out) const {
  of_object(elements_, id).read(first, count, out);
}

}  // namespace ckpt::h5parse
