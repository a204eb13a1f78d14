#include "formats/io/json.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

using nlohmann::json;

// The parser takes a NUL for the end of the text, and whatever follows would go unseen.
void check_no_nul(std::string_view text, std::string_view what) {
  const auto nul = text.find('\0');
  if (nul != std::string_view::npos) {
    throw Error(Errc::kCorrupt, cat(what, " has a NUL at byte ", nul, ", which JSON forbids"));
  }
}

Error syntax_error(const json::exception& e, std::string_view what) {
  if (const auto* syntax = dynamic_cast<const json::parse_error*>(&e)) {
    return Error(Errc::kCorrupt, cat(what, " is no valid JSON at byte ", syntax->byte));
  }
  return Error(Errc::kCorrupt, cat(what, " holds a number that is too large"));
}

Error too_deep(std::string_view what) {
  return Error(Errc::kCorrupt, cat(what, " is nested deeper than ", kMostJsonDepth, " levels"));
}

// Looks for a key of the outermost object, or of the first object of the outermost array.
class KeyFinder final : public nlohmann::json_sax<json> {
 public:
  KeyFinder(std::string_view key, bool in_array) : key_(key), in_array_(in_array) {}

  [[nodiscard]] bool found() const { return found_; }

  bool null() override { return go_on(); }
  bool boolean(bool) override { return go_on(); }
  bool number_integer(number_integer_t) override { return go_on(); }
  bool number_unsigned(number_unsigned_t) override { return go_on(); }
  bool number_float(number_float_t, const string_t&) override { return go_on(); }
  bool string(string_t&) override { return go_on(); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    if (depth_ == 0 && in_array_) return false;
    ++depth_;
    return true;
  }
  bool key(string_t& name) override {
    found_ = depth_ == (in_array_ ? 2 : 1) && name == key_;
    return !found_;
  }
  bool end_object() override { return --depth_ != (in_array_ ? 1 : 0); }
  bool start_array(std::size_t) override {
    if (depth_ == 0 && !in_array_) return false;
    ++depth_;
    return true;
  }
  bool end_array() override { return --depth_ != 0; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  // A scalar as the whole text, or as the first item of the array, ends the search.
  [[nodiscard]] bool go_on() const { return depth_ > (in_array_ ? 1 : 0); }

  std::string_view key_;
  bool in_array_;
  int depth_ = 0;
  bool found_ = false;
};

}  // namespace

json parse_json(std::string_view text, std::string_view what) {
  return parse_json(text, what, "", nullptr);
}

json parse_json(std::string_view text, std::string_view what, std::string_view apart,
                const TakeMember& take) {
  check_no_nul(text, what);
  std::vector<std::set<std::string>> keys;
  bool is_apart = false;  // the outermost object's member at hand
  std::string taken;      // its key at hand
  const auto check = [&](int depth, json::parse_event_t event, const json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::array_start && depth == 1) is_apart = false;
    if (is_apart && depth == 2) {
      if (event == Event::key) {
        taken = parsed.get_ref<const std::string&>();
        return false;
      }
      if (event == Event::value || event == Event::object_start || event == Event::array_start) {
        take(taken, parsed);
      }
    }
    switch (event) {
      case Event::object_start:
        keys.emplace_back();
        [[fallthrough]];
      case Event::array_start:
        if (static_cast<std::size_t>(depth) >= kMostJsonDepth) throw too_deep(what);
        break;
      case Event::object_end:
        keys.pop_back();
        break;
      case Event::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        if (depth == 1) is_apart = take && key == apart;
        if (!keys.back().insert(key).second) {
          throw Error(Errc::kCorrupt, cat(what, " has the key '", escape(key), "' twice"));
        }
        break;
      }
      case Event::array_end:
      case Event::value:
        break;
    }
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& e) {
    throw syntax_error(e, what);
  }
}

void parse_json_events(std::string_view text, std::string_view what,
                       nlohmann::json_sax<json>& handler) {
  check_no_nul(text, what);
  try {
    json::sax_parse(text, &handler);
  } catch (const json::exception& e) {
    throw syntax_error(e, what);
  }
}

std::string read_json_text(const RandomFile& file) {
  if (file.size() > kMostJsonBytes) {
    throw Error(Errc::kUnsupported,
                cat("the JSON file is ", with_commas(file.size()), " bytes large, ",
                    with_commas(kMostJsonBytes), " are the most that is read"));
  }
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

bool has_json_key(const RandomFile& file, std::string_view key, bool in_array) {
  if (file.size() == 0 || file.size() > kMostJsonBytes) return false;
  std::string head(std::min<std::size_t>(256, static_cast<std::size_t>(file.size())), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(head)));
  const auto first = head.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || head[first] != (in_array ? '[' : '{')) return false;
  const std::string text = read_json_text(file);
  KeyFinder finder(key, in_array);
  try {
    json::sax_parse(text, &finder);
  } catch (const json::exception&) {
    return false;
  }
  return finder.found();
}

const json* find_member(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

}  // namespace ckpt
