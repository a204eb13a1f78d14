#pragma once

#include <string_view>

#include "checkpoint/listing.h"
#include "report/json_stream.h"

namespace ckpt {

// The listing as the object of schema "ckpt/ls/1": keys in fixed order, exact integers; optimizer
// slots are always among the variables, with their role. With `details`, each variable also has
// "storage", "stored_bytes" and "attributes". `tool` is the program's name and version.
void write_listing(const Reader& reader, const Listing& listing, std::string_view path,
                   std::string_view tool, bool details, JsonStream& json);

// The same variables, one object a line, each with "file" as its first key.
void write_listing_lines(const Reader& reader, const Listing& listing, std::string_view path,
                         bool details, const Output& out);

// The keys of a variable that all reports share: name, path (segments), place, dtype, native_dtype
// where there is one, shape, parameters, nbytes, role, aliases. A name or place that is not UTF-8
// has its exact bytes beside it, as "name_hex" or "place_hex". REQUIRES: an object is open.
void write_entry_keys(const Entry& entry, char separator, JsonStream& json);

// "layer", where there is one (Index::layers). REQUIRES: an object is open.
void write_layer_key(std::string_view layer, JsonStream& json);

// "storage", "stored_bytes", "attributes" of one variable. REQUIRES: an object is open.
void write_details_keys(const Details& details, JsonStream& json);

}  // namespace ckpt
