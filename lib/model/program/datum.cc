#include "model/program/datum.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::program {
namespace {

using Json = nlohmann::json;

// A datum takes some 50 times the room of its shortest text.
constexpr std::size_t kMaxText = std::size_t{1} << 20;
constexpr std::size_t kMaxDepth = 128;

// Walks over the text for the parser, and tells how far it has come.
class Walk {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Walk(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  Walk& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  Walk operator++(int) {
    Walk old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Walk& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Makes data of the parser's events.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const char** reached)
      : begin_(text.data()), reached_(reached), line_start_(text.data()), counted_(text.data()) {}

  Datum root;

  bool null() override { return put({}); }
  bool boolean(bool value) override {
    return put({.kind = Datum::Kind::kFlag, .at = here(), .flag = value});
  }
  bool number_integer(number_integer_t value) override { return put(Datum::of(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= INT64_MAX) return put(Datum::of(static_cast<std::int64_t>(value)));
    return number_float(static_cast<double>(value), "");
  }
  bool number_float(number_float_t value, const string_t&) override {
    return put({.kind = Datum::Kind::kNumber, .at = here(), .number = value});
  }
  bool string(string_t& value) override { return put(Datum::of(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return open(Datum::Kind::kObject);
  }
  bool start_array(std::size_t) override { return open(Datum::Kind::kList); }
  bool end_object() override {
    keys_.pop_back();
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) refuse(cat("has the key '", escape(name), "' twice"));
    open_.back()->members.emplace_back(std::move(name), Datum{});
    return true;
  }
  bool parse_error(std::size_t, const std::string& token, const Json::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …"
    const std::string_view what = e.what();
    const auto colon = what.find(": ");
    place_ = place_of(*reached_ == begin_ ? begin_ : *reached_ - 1);
    refuse(cat("is no JSON behind '", escape(token),
               "': ", colon == std::string_view::npos ? what : what.substr(colon + 2)));
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(Errc::kCorrupt, cat(place_.line, ":", place_.column, ": the graph file ", what));
  }

  [[nodiscard]] Place here() const { return open_.empty() ? Place{} : open_.back()->at; }

  // Lines are counted as the text goes by, once.
  Place place_of(const char* at) {
    for (; counted_ < at; ++counted_) {
      if (*counted_ != '\n') continue;
      ++line_;
      line_start_ = counted_ + 1;
    }
    return {line_, static_cast<std::size_t>(at - line_start_) + 1};
  }

  bool put(Datum datum) {
    if (open_.empty()) {
      root = std::move(datum);
      return true;
    }
    datum.at = datum.kind >= Datum::Kind::kList ? datum.at : open_.back()->at;
    if (open_.back()->kind == Datum::Kind::kObject) {
      open_.back()->members.back().second = std::move(datum);
    } else {
      open_.back()->items.push_back(std::move(datum));
    }
    return true;
  }

  bool open(Datum::Kind kind) {
    place_ = place_of(*reached_ - 1);
    if (open_.size() >= kMaxDepth) {
      refuse(cat("is nested more than ", kMaxDepth, " levels deep"));
    }
    put({.kind = kind, .at = place_});
    Datum* made = &root;
    if (!open_.empty()) {
      made = open_.back()->kind == Datum::Kind::kObject ? &open_.back()->members.back().second
                                                        : &open_.back()->items.back();
    }
    open_.push_back(made);
    return true;
  }

  const char* begin_;
  const char** reached_;
  const char* line_start_;
  const char* counted_;
  std::size_t line_ = 1;
  Place place_;  // of the list or object that was opened last
  // Those that are open. A list grows only while none of its items is open, so they stay in place.
  std::vector<Datum*> open_;
  std::vector<std::unordered_set<std::string>> keys_;
};

}  // namespace

const Datum* Datum::find(std::string_view key) const {
  const auto it = std::ranges::find(members, key, &std::pair<std::string, Datum>::first);
  return it == members.end() ? nullptr : &it->second;
}

Datum Datum::of(std::int64_t integer) {
  return {.kind = Kind::kInteger, .integer = integer, .number = static_cast<double>(integer)};
}

Datum Datum::of(std::string text) { return {.kind = Kind::kText, .text = std::move(text)}; }

std::string words_of(const Datum& datum) {
  switch (datum.kind) {
    case Datum::Kind::kNull:
      return "null";
    case Datum::Kind::kFlag:
      return datum.flag ? "true" : "false";
    case Datum::Kind::kInteger:
      return cat("the number ", datum.integer);
    case Datum::Kind::kNumber:
      return cat("the number ", datum.number);
    case Datum::Kind::kText:
      return in_quotes(datum.text);
    case Datum::Kind::kList:
      return "a list";
    case Datum::Kind::kObject:
      return "an object";
  }
  return "";
}

void refuse(const std::string& sentence) { throw Error(Errc::kInvalid, sentence); }

Datum parse_data(std::string_view text) {
  if (text.size() > kMaxText) {
    throw Error(Errc::kCorrupt, cat("1:1: the graph file has ", with_commas(text.size()),
                                    " bytes; a megabyte is the most"));
  }
  const char* reached = text.data();
  Builder builder(text, &reached);
  Json::sax_parse(Walk(text.data(), &reached), Walk(text.data() + text.size(), &reached), &builder);
  if (builder.root.kind != Datum::Kind::kObject) {
    throw Error(Errc::kCorrupt, "1:1: the graph file is no JSON object");
  }
  return std::move(builder.root);
}

}  // namespace ckpt::program
