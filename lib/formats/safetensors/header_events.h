#pragma once

#include <cstdint>
#include <string>

#include "formats/io/json.h"
#include "formats/safetensors/header.h"

namespace ckpt::safetensors {

// Builds a Header from the events of its JSON text, so that a header of 100 MB is not kept as a
// tree besides. Checks each tensor by itself; what concerns all of them is read_header()'s.
// Throws Error(kCorrupt) out of its calls.
class HeaderEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderEvents(Header& header) : header_(header) {}

  bool null() override;
  bool boolean(bool) override { return scalar("true or false"); }
  bool number_integer(number_integer_t) override { return scalar("a negative number"); }
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t, const string_t& text) override;
  bool string(string_t& value) override;
  bool binary(binary_t&) override { return scalar("bytes"); }
  bool start_object(std::size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override;

 private:
  // What the next value, or the next key, belongs to.
  enum class Place : std::uint8_t { kTop, kRoot, kMetadata, kTensor, kShape, kOffsets, kIgnored };
  enum class Field : std::uint8_t { kNone, kDtype, kShape, kOffsets, kOther };

  bool scalar(std::string_view what);
  [[noreturn]] void refuse(std::string_view needed, std::string_view seen) const;
  [[noreturn]] void refuse_tensor(const std::string& sentence) const;
  void start_ignored(std::string_view what);
  void finish_tensor();

  Header& header_;
  Place place_ = Place::kTop;
  Place behind_ignored_ = Place::kTop;
  Field field_ = Field::kNone;
  std::string key_;  // in the root and in the metadata
  std::string field_name_;
  bool has_[3] = {};  // dtype, shape, offsets of the tensor at hand
  bool seen_metadata_ = false;
  std::uint64_t bits_ = 0;
  std::size_t offsets_ = 0;
  std::size_t depth_ = 0;
  std::size_t ignored_depth_ = 0;
};

}  // namespace ckpt::safetensors
