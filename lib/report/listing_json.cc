#include "report/listing_json.h"

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {

void write_entry_keys(const Entry& entry, char separator, JsonStream& json) {
  json.key("name").value(entry.name);
  if (!is_utf8(entry.name)) json.key("name_hex").value(to_hex(entry.name));
  json.key("path").begin_array();
  for (std::string_view rest = entry.name;;) {
    const auto end = rest.find(separator);
    json.value(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  json.end_array();
  json.key("place").value(place_of(entry));
  if (!is_utf8(place_of(entry))) json.key("place_hex").value(to_hex(place_of(entry)));
  json.key("dtype").value(name_of(entry.dtype));
  if (!entry.native_dtype.empty()) json.key("native_dtype").value(entry.native_dtype);
  json.key("shape").begin_array();
  for (const std::int64_t extent : entry.shape) json.value(extent);
  json.end_array();
  json.key("parameters").value(parameters_of(entry));
  json.key("nbytes").value(entry.nbytes);
  json.key("role").value(name_of(entry.role));
  json.key("aliases").begin_array();
  for (const std::string& alias : entry.aliases) json.value(alias);
  json.end_array();
}

void write_layer_key(std::string_view layer, JsonStream& json) {
  if (!layer.empty()) json.key("layer").value(layer);
}

void write_details_keys(const Details& details, JsonStream& json) {
  json.key("storage").value(details.storage);
  json.key("stored_bytes").value(details.stored_bytes);
  json.key("attributes").begin_object();
  for (const auto& [name, value] : details.attributes) json.key(name).value(value);
  json.end_object();
}

void write_listing(const Reader& reader, const Listing& listing, std::string_view path,
                   std::string_view tool, bool details, JsonStream& json) {
  const Index& index = reader.index();
  json.begin_object(JsonStream::Form::kLines);
  json.key("schema").value("ckpt/ls/1");
  json.key("tool").value(tool);
  json.key("input").begin_object();
  json.key("path").value(path);
  json.key("format").value(index.format);
  json.key("layout").value(index.layout);
  json.key("bytes").value(index.file_bytes);
  json.end_object();
  json.key("variables").begin_array(JsonStream::Form::kLines);
  for (const std::size_t i : listing.entries) {
    json.begin_object();
    write_entry_keys(index.entries[i], index.separator, json);
    write_layer_key(layer_of(index, index.entries[i].name), json);
    if (details) write_details_keys(reader.details(i), json);
    json.end_object();
  }
  json.end_array();
  json.key("totals").begin_object();
  json.key("variables").value(listing.total.variables);
  json.key("parameters").value(listing.total.parameters);
  json.key("nbytes").value(listing.total.nbytes);
  json.key("slots").begin_object();
  json.key("variables").value(listing.slots.variables);
  json.key("parameters").value(listing.slots.parameters);
  json.key("nbytes").value(listing.slots.nbytes);
  json.end_object();
  json.end_object();
  json.key("notes").begin_array();
  for (const std::string& note : index.notes) json.value(note);
  json.end_array();
  json.end_object();
}

void write_listing_lines(const Reader& reader, const Listing& listing, std::string_view path,
                         bool details, const Output& out) {
  for (const std::size_t i : listing.entries) {
    JsonStream json(out);
    json.begin_object();
    json.key("file").value(path);
    const Index& index = reader.index();
    write_entry_keys(index.entries[i], index.separator, json);
    write_layer_key(layer_of(index, index.entries[i].name), json);
    if (details) write_details_keys(reader.details(i), json);
    json.end_object();
  }
}

}  // namespace ckpt
