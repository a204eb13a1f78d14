#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/h5parse/context.h"
#include "formats/h5parse/dataspace.h"
#include "formats/h5parse/layout.h"
#include "formats/h5parse/object_header.h"
#include "formats/hdf5/source.h"

namespace ckpt::h5parse {

// Where links or attributes are that do not lie in the object's header (sections IV.A.2.c and v).
struct DenseIndex {
  std::uint64_t heap = kUndefined;
  std::uint64_t by_name = kUndefined;
  std::uint64_t by_order = kUndefined;
};

// An object's messages, parsed: what describes it, without its attributes.
struct Messages {
  ObjectHeader header;
  std::optional<Dataspace> space;
  std::optional<hdf5::Datatype> type;
  std::optional<Layout> layout;
  std::optional<Bytes> fill;  // one element; empty where it is zero or undefined
  std::vector<hdf5::Filter> filters;
  std::vector<std::string> external_files;
  bool is_external = false;
  // Of a group.
  bool is_group = false;
  std::optional<SymbolTable> symbols;
  std::optional<DenseIndex> dense_links;
  std::vector<hdf5::Link> links;
  bool has_attributes = false;  // false: none for sure
};

// The body of a message of dense links or of dense attributes, whose largest order of creation
// takes so many bytes.
DenseIndex read_dense_index(View body, std::size_t order_size);

// Reads the header at `address` and parses all messages that the table in messages.cc knows.
Messages read_messages(const Context& context, std::uint64_t address);

}  // namespace ckpt::h5parse
