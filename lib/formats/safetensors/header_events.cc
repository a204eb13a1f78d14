#include "formats/safetensors/header_events.h"

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/safetensors/dtypes.h"

namespace ckpt::safetensors {

void HeaderEvents::refuse_tensor(const std::string& sentence) const {
  throw Error(Errc::kCorrupt, cat(escape(key_), ": ", sentence));
}

void HeaderEvents::refuse(std::string_view needed, std::string_view seen) const {
  switch (place_) {
    case Place::kTop:
      throw Error(Errc::kCorrupt, cat("the header is ", seen, ", an object is needed"));
    case Place::kRoot:
      refuse_tensor(cat("is ", seen, ", an object with dtype, shape and data_offsets is needed"));
    case Place::kMetadata:
      throw Error(Errc::kCorrupt,
                  cat(kMetadataKey, ": '", escape(key_), "' is ", seen, ", a string is needed"));
    case Place::kTensor:
    case Place::kShape:
    case Place::kOffsets:
    case Place::kIgnored:
      break;
  }
  refuse_tensor(cat(escape(field_name_), " holds ", seen, ", ", needed, " is needed"));
}

// A value that belongs nowhere but to an unknown field.
bool HeaderEvents::scalar(std::string_view what) {
  if (place_ == Place::kIgnored) return true;
  if (place_ == Place::kTensor && field_ == Field::kOther) return true;
  if (place_ == Place::kRoot && key_ == kMetadataKey) {
    throw Error(Errc::kCorrupt, cat(kMetadataKey, " is ", what, ", an object is needed"));
  }
  const bool is_dtype = place_ == Place::kTensor && field_ == Field::kDtype;
  const bool is_list = place_ == Place::kTensor && !is_dtype;
  refuse(is_dtype  ? "a string"
         : is_list ? "a list of whole numbers"
                   : "a whole number of at least 0 and below 2^63",
         what);
}

bool HeaderEvents::null() {
  if (place_ == Place::kRoot && key_ == kMetadataKey) {
    header_.notes.emplace_back("__metadata__ is null; it is taken as absent");
    return true;
  }
  return scalar("null");
}

bool HeaderEvents::number_unsigned(number_unsigned_t value) {
  if (place_ == Place::kShape) {
    const auto extent = checked_cast<std::int64_t>(value);
    if (!extent) return scalar("a number of 2^63 or more");
    header_.tensors.back().shape.push_back(*extent);
    return true;
  }
  if (place_ == Place::kOffsets) {
    if (offsets_ == 0) header_.tensors.back().begin = value;
    if (offsets_ == 1) header_.tensors.back().end = value;
    ++offsets_;
    return true;
  }
  return scalar("a number");
}

// Whole numbers come here too where 64 bits do not hold them.
bool HeaderEvents::number_float(number_float_t, const string_t& text) {
  const bool whole = text.find_first_of(".eE") == string_t::npos;
  return scalar(whole ? "a number beyond 64 bits" : "a number that is not whole");
}

bool HeaderEvents::string(string_t& value) {
  if (place_ == Place::kMetadata) {
    header_.metadata.emplace_back(key_, std::move(value));
    return true;
  }
  if (place_ != Place::kTensor || field_ != Field::kDtype) return scalar("a string");
  const Type* type = find_type(value);
  if (type == nullptr) {
    refuse_tensor(cat("dtype '", escape(value.substr(0, 64)), "' is none of the format's"));
  }
  header_.tensors.back().dtype = type->dtype;
  header_.tensors.back().stored_dtype = type->word;
  bits_ = type->bits;
  return true;
}

void HeaderEvents::start_ignored(std::string_view what) {
  if (place_ != Place::kIgnored) {
    if (place_ != Place::kTensor || field_ != Field::kOther) {
      scalar(what);  // throws the right sentence
    }
    behind_ignored_ = place_;
    place_ = Place::kIgnored;
  }
  ++ignored_depth_;
}

bool HeaderEvents::start_object(std::size_t) {
  if (++depth_ > kMostJsonDepth) {
    throw Error(Errc::kCorrupt,
                cat("the header is nested deeper than ", kMostJsonDepth, " levels"));
  }
  if (place_ == Place::kTop) {
    place_ = Place::kRoot;
  } else if (place_ == Place::kRoot && key_ == kMetadataKey) {
    place_ = Place::kMetadata;
  } else if (place_ == Place::kRoot) {
    place_ = Place::kTensor;
    header_.tensors.emplace_back().name = header_.names.add(key_);
    std::ranges::fill(has_, false);
    field_ = Field::kNone;
  } else {
    start_ignored("an object");
  }
  return true;
}

bool HeaderEvents::key(string_t& name) {
  if (place_ == Place::kIgnored) return true;
  if (place_ == Place::kRoot || place_ == Place::kMetadata) {
    key_ = std::move(name);
    if (place_ == Place::kRoot && key_ == kMetadataKey && std::exchange(seen_metadata_, true)) {
      throw Error(Errc::kCorrupt, cat("the header has the key '", kMetadataKey, "' twice"));
    }
    return true;
  }
  field_name_ = std::move(name);
  field_ = field_name_ == "dtype"          ? Field::kDtype
           : field_name_ == "shape"        ? Field::kShape
           : field_name_ == "data_offsets" ? Field::kOffsets
                                           : Field::kOther;
  if (field_ == Field::kOther) {
    header_.notes.push_back(cat(escape(key_), ": the format knows no field '",
                                escape(field_name_.substr(0, 64)), "'; it is ignored"));
  } else if (std::exchange(has_[static_cast<int>(field_) - 1], true)) {
    refuse_tensor(cat("has the field '", field_name_, "' twice"));
  }
  return true;
}

void HeaderEvents::finish_tensor() {
  for (const auto& [has, name] :
       {std::pair{has_[0], "dtype"}, {has_[1], "shape"}, {has_[2], "data_offsets"}}) {
    if (!has) refuse_tensor(cat("has no ", name));
  }
  const Tensor& tensor = header_.tensors.back();
  if (offsets_ != 2) {
    refuse_tensor(cat("data_offsets has ", count_of(offsets_, "number"), ", two are needed"));
  }
  if (tensor.begin > tensor.end) {
    refuse_tensor(cat("data_offsets [", tensor.begin, ", ", tensor.end, "] go backwards"));
  }
  // The reference multiplies from the front and refuses an overflow even where a 0 follows.
  std::optional<std::uint64_t> bits = bits_;
  for (const std::int64_t extent : tensor.shape) {
    if (bits) bits = checked_mul(*bits, static_cast<std::uint64_t>(extent));
  }
  if (!bits) {
    refuse_tensor(cat("shape ", to_string(tensor.shape), " of ", tensor.stored_dtype,
                      " needs more than 2^64 bits"));
  }
  if (*bits % 8 != 0) {
    refuse_tensor(cat("shape ", to_string(tensor.shape), " of ", tensor.stored_dtype, " needs ",
                      *bits, " bits, which is no whole number of bytes"));
  }
  if (*bits / 8 != tensor.end - tensor.begin) {
    refuse_tensor(cat("shape ", to_string(tensor.shape), " of ", tensor.stored_dtype, " needs ",
                      *bits / 8, " bytes, data_offsets [", tensor.begin, ", ", tensor.end,
                      "] span ", tensor.end - tensor.begin));
  }
}

bool HeaderEvents::end_object() {
  --depth_;
  switch (place_) {
    case Place::kRoot:
      place_ = Place::kTop;
      break;
    case Place::kMetadata:
      place_ = Place::kRoot;
      break;
    case Place::kTensor:
      finish_tensor();
      place_ = Place::kRoot;
      break;
    case Place::kIgnored:
      if (--ignored_depth_ == 0) place_ = behind_ignored_;
      break;
    case Place::kTop:
    case Place::kShape:
    case Place::kOffsets:
      break;
  }
  return true;
}

bool HeaderEvents::start_array(std::size_t) {
  if (++depth_ > kMostJsonDepth) {
    throw Error(Errc::kCorrupt,
                cat("the header is nested deeper than ", kMostJsonDepth, " levels"));
  }
  if (place_ == Place::kTensor && field_ == Field::kShape) {
    place_ = Place::kShape;
  } else if (place_ == Place::kTensor && field_ == Field::kOffsets) {
    place_ = Place::kOffsets;
    offsets_ = 0;
  } else {
    start_ignored("a list");
  }
  return true;
}

bool HeaderEvents::end_array() {
  --depth_;
  if (place_ == Place::kIgnored) {
    if (--ignored_depth_ == 0) place_ = behind_ignored_;
  } else {
    place_ = Place::kTensor;
  }
  return true;
}

bool HeaderEvents::parse_error(std::size_t position, const std::string&,
                               const nlohmann::json::exception& e) {
  if (dynamic_cast<const nlohmann::json::parse_error*>(&e) == nullptr) {
    throw Error(Errc::kCorrupt,
                cat("the header holds a number that is too large, at byte ", position));
  }
  throw Error(Errc::kCorrupt, cat("the header is no valid JSON at byte ", position));
}

}  // namespace ckpt::safetensors
