#include "remap/parsing/json.h"

#include <algorithm>
#include <iterator>

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

// Watches a document go by for what the parser does not keep: keys that are there twice, and lines.
// The names and types of its members are what the parser asks for.
class Watcher {
 public:
  Watcher(const std::size_t& line, std::vector<std::size_t>& element_lines)
      : line_(line), element_lines_(element_lines) {}

  bool null() { return element(); }
  bool boolean(bool) { return element(); }
  bool number_integer(Json::number_integer_t) { return element(); }
  bool number_unsigned(Json::number_unsigned_t) { return element(); }
  bool number_float(Json::number_float_t, const std::string&) { return element(); }
  bool string(const std::string&) { return element(); }
  bool binary(const Json::binary_t&) { return element(); }

  bool start_object(std::size_t) {
    element();
    open_.push_back({true, {}});
    return true;
  }
  bool start_array(std::size_t) {
    element();
    open_.push_back({false, {}});
    return true;
  }
  bool key(const std::string& name) {
    open_.back().keys.push_back({name, line_});
    return true;
  }
  bool end_array() {
    open_.pop_back();
    return true;
  }
  bool end_object() {
    std::vector<Key>& keys = open_.back().keys;
    std::ranges::stable_sort(keys, {}, &Key::name);
    const auto twice = std::ranges::adjacent_find(keys, {}, &Key::name);
    if (twice != keys.end()) {
      throw Error(Errc::kInvalid, cat("line ", (twice + 1)->line, ": the key \"",
                                      escape(twice->name), "\" is there twice"));
    }
    open_.pop_back();
    return true;
  }
  template <typename Exception>
  bool parse_error(std::size_t, const std::string&, const Exception& e) {
    const std::string what = e.what();  // "[json.exception.parse_error.101] parse error at …: …"
    const auto bracket = what.find("] ");
    throw Error(Errc::kInvalid,
                cat("not JSON: ", bracket == std::string::npos ? what : what.substr(bracket + 2)));
  }

 private:
  struct Key {
    std::string name;
    std::size_t line = 0;
  };
  struct Open {
    bool is_object = false;
    std::vector<Key> keys;
  };

  // An element of an array that is a member of the document begins here.
  bool element() {
    if (open_.size() == 2 && !open_[1].is_object) element_lines_.push_back(line_);
    return true;
  }

  const std::size_t& line_;
  std::vector<std::size_t>& element_lines_;
  std::vector<Open> open_;
};

}  // namespace

JsonDocument parse_json(std::string_view text) {
  JsonDocument document;
  std::size_t line = 1;
  Watcher watcher(line, document.element_lines);
  const char* end = text.data() + text.size();
  Json::sax_parse(LineCounter{text.data(), &line}, LineCounter{end, &line}, &watcher);
  document.value = Json::parse(text);
  return document;
}

std::string string_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) throw Error(Errc::kInvalid, cat("\"", key, "\" is missing"));
  if (!it->is_string()) throw Error(Errc::kInvalid, cat("\"", key, "\" must be a string"));
  return it->get<std::string>();
}

void check_keys(const Json& object, std::initializer_list<std::string_view> known) {
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (std::ranges::find(known, it.key()) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    throw Error(Errc::kInvalid, cat("the key \"", escape(it.key()), "\" is unknown",
                                    did_you_mean(nearest(it.key(), names, 1))));
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
