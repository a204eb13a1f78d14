#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "report/output.h"

namespace ckpt {

// Writes JSON as it is said, in the order it is said, in memory that does not grow with it; all of
// it is out when the outermost value ends. (The JSON library would need the whole document first.)
// Keys are not checked for being told twice.
//
//   JsonStream json(out);
//   json.begin_object().key("schema").value("ckpt/ls/1").key("variables").begin_array() …
//
// Pretty form: objects and arrays opened with kLines have each member on a line of its own, what is
// inside kInline ones stays on one line.
class JsonStream {
 public:
  enum class Form : std::uint8_t { kLines, kInline };

  explicit JsonStream(const Output& out) : out_(out) {}

  JsonStream& begin_object(Form form = Form::kInline) { return begin('{', form); }
  JsonStream& end_object() { return end('}'); }
  JsonStream& begin_array(Form form = Form::kInline) { return begin('[', form); }
  JsonStream& end_array() { return end(']'); }
  JsonStream& key(std::string_view key);

  // Text: bytes that are not UTF-8 become U+FFFD, as JSON cannot hold them.
  JsonStream& value(std::string_view text);
  JsonStream& value(const std::string& text) { return value(std::string_view(text)); }
  JsonStream& value(const char* text) { return value(std::string_view(text)); }
  JsonStream& value(bool truth) { return raw(truth ? "true" : "false"); }
  // NaN and infinities, which JSON has no numbers for, become the strings "nan", "inf", "-inf".
  JsonStream& value(double number);
  template <typename Integer>
  requires(std::integral<Integer> &&
           !std::same_as<Integer, bool>) JsonStream& value(Integer number) {
    return raw(Piece(number).text());
  }
  JsonStream& null() { return raw("null"); }

 private:
  struct Level {
    Form form;
    bool empty = true;
  };

  JsonStream& begin(char bracket, Form form);
  JsonStream& end(char bracket);
  JsonStream& raw(std::string_view text);
  void quote(std::string_view text);
  void before_value();
  void after_value();
  void line_break();

  const Output& out_;
  std::string pending_;  // not yet given to out_
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace ckpt
