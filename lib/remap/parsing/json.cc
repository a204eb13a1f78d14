#include "remap/parsing/json.h"

#include <iterator>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"

namespace ckpt {
namespace {

// Walks over text and counts its lines: the parser tells no position of what it has read.
struct LineCounter {
  using difference_type = std::ptrdiff_t;
  using value_type = char;
  using pointer = const char*;
  using reference = const char&;
  using iterator_category = std::input_iterator_tag;

  const char* at = nullptr;
  std::size_t* line = nullptr;

  reference operator*() const { return *at; }
  LineCounter& operator++() {
    if (*at == '\n') ++*line;
    ++at;
    return *this;
  }
  LineCounter operator++(int) {
    LineCounter before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const LineCounter& a, const LineCounter& b) { return a.at == b.at; }
};

}  // namespace

JsonDocument parse_json(std::string_view text) {
  JsonDocument document;
  std::size_t line = 1;
  std::vector<std::set<std::string>> keys;
  using Event = Json::parse_event_t;
  const auto watch = [&](int depth, Event event, Json& value) {
    // Elements of an array that is a member of the document are at depth 2; a scalar is told when
    // it is read, an object when it begins.
    const bool begins = event == Event::object_start || event == Event::array_start;
    if (depth == 2 && (begins || event == Event::value)) document.element_lines.push_back(line);
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second) {
      throw Error(Errc::kInvalid, cat("line ", line, ": the key \"",
                                      escape(value.get<std::string>()), "\" is there twice"));
    }
    return true;
  };
  try {
    const char* end = text.data() + text.size();
    document.value = Json::parse(LineCounter{text.data(), &line}, LineCounter{end, &line}, watch);
  } catch (const Json::parse_error& e) {
    const std::string what = e.what();  // "[json.exception.parse_error.101] parse error at …: …"
    const auto bracket = what.find("] ");
    throw Error(Errc::kInvalid,
                cat("not JSON: ", bracket == std::string::npos ? what : what.substr(bracket + 2)));
  }
  return document;
}

std::string string_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) throw Error(Errc::kInvalid, cat("\"", key, "\" is missing"));
  if (!it->is_string()) throw Error(Errc::kInvalid, cat("\"", key, "\" must be a string"));
  return it->get<std::string>();
}

void check_keys(const Json& object, const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw Error(Errc::kInvalid, cat("the key \"", escape(key), "\" is unknown",
                                    did_you_mean(nearest(key, known, 1))));
  }
}

void check_schema(const Json& document, std::string_view schema) {
  if (!document.is_object()) {
    throw Error(Errc::kInvalid, cat("expected an object with \"schema\": \"", schema, "\""));
  }
  const std::string found = string_of(document, "schema");
  if (found != schema) {
    throw Error(Errc::kInvalid,
                cat("the schema is \"", escape(found), "\", needed is \"", schema, "\""));
  }
}

}  // namespace ckpt
