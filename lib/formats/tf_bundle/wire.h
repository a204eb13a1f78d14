#pragma once

#include <protozero/pbf_reader.hpp>
#include <string_view>

namespace ckpt::tf {

// Of protocol buffers: what a field's bytes are.
inline constexpr auto kVarint = protozero::pbf_wire_type::varint;
inline constexpr auto kBytes = protozero::pbf_wire_type::length_delimited;

inline protozero::pbf_reader reader_of(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

// The next field's bytes, which must be length-delimited.
inline std::string_view view_of(protozero::pbf_reader& reader) {
  const auto view = reader.get_view();
  return {view.data(), view.size()};
}

}  // namespace ckpt::tf
