#include "formats/hdf5_edit/json_spans.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

constexpr int kMaxDepth = 256;

// Takes apart a text that is known to be JSON; only its structure is looked at.
class Scanner {
 public:
  explicit Scanner(const std::string& json) : json_(json) {}

  JsonSpan value(int depth) {
    if (depth > kMaxDepth) throw Error(Errc::kUnsupported, "JSON nested too deep");
    skip_space();
    JsonSpan span;
    span.begin = at_;
    switch (json_.at(at_)) {
      case '{':
      case '[':
        take_items(span, depth);
        break;
      case '"':
        take_string(span);
        break;
      default:
        span.kind = json_[at_] == '-' || (json_[at_] >= '0' && json_[at_] <= '9')
                        ? JsonSpan::Kind::kNumber
                        : JsonSpan::Kind::kOther;
        at_ = std::min(json_.size(), json_.find_first_of(",]} \t\r\n", at_));
    }
    span.end = at_;
    return span;
  }

 private:
  void skip_space() { at_ = std::min(json_.size(), json_.find_first_not_of(" \t\r\n", at_)); }

  void take_items(JsonSpan& span, int depth) {
    const bool is_object = json_[at_++] == '{';
    span.kind = is_object ? JsonSpan::Kind::kObject : JsonSpan::Kind::kArray;
    for (skip_space(); json_.at(at_) != (is_object ? '}' : ']'); skip_space()) {
      if (json_[at_] == ',') ++at_;
      if (is_object) {
        span.keys.push_back(value(depth + 1));
        skip_space();
        ++at_;  // the colon
      }
      span.items.push_back(value(depth + 1));
    }
    ++at_;
  }

  void take_string(JsonSpan& span) {
    span.kind = JsonSpan::Kind::kString;
    ++at_;
    while (json_.at(at_) != '"') at_ += json_[at_] == '\\' ? 2U : 1U;
    ++at_;
    const auto length = at_ - span.begin;
    span.text = nlohmann::json::parse(json_.substr(span.begin, length)).get<std::string>();
  }

  const std::string& json_;
  std::size_t at_ = 0;
};

}  // namespace

const JsonSpan* JsonSpan::get(std::string_view key) const {
  const auto it = std::ranges::find(keys, key, &JsonSpan::text);
  return it == keys.end() ? nullptr : &items[static_cast<std::size_t>(it - keys.begin())];
}

JsonSpan parse_json_spans(const std::string& json) {
  if (!nlohmann::json::accept(json)) throw Error(Errc::kCorrupt, "is no JSON");
  return Scanner(json).value(0);
}

void JsonChanges::replace(const JsonSpan& string, const std::string& text) {
  constexpr bool kEscapeUnicode = true;  // as Python's json does
  changes_.push_back({{string.begin, string.end},
                      nlohmann::json(text).dump(-1, ' ', kEscapeUnicode,
                                                nlohmann::json::error_handler_t::replace)});
}

std::string JsonChanges::apply(const std::string& json) const {
  auto changes = changes_;
  std::ranges::sort(changes);
  std::string result;
  std::size_t at = 0;
  for (const auto& [place, text] : changes) {
    if (place.first < at) continue;  // found twice
    result.append(json, at, place.first - at).append(text);
    at = place.second;
  }
  return result.append(json, at, std::string::npos);
}

}  // namespace ckpt::hdf5
