#include "report/json_stream.h"

#include <cmath>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {

void JsonStream::line_break() { out_("\n" + std::string(2 * levels_.size(), ' ')); }

void JsonStream::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (!level.empty) out_(level.form == Form::kInline ? ", " : ",");
  if (level.form == Form::kLines) line_break();
  level.empty = false;
}

JsonStream& JsonStream::begin(char bracket, Form form) {
  before_value();
  out_(std::string_view(&bracket, 1));
  levels_.push_back({form});
  return *this;
}

JsonStream& JsonStream::end(char bracket) {
  const Level level = levels_.back();
  levels_.pop_back();
  if (level.form == Form::kLines && !level.empty) line_break();
  out_(std::string_view(&bracket, 1));
  if (levels_.empty()) out_("\n");
  return *this;
}

JsonStream& JsonStream::key(std::string_view key) {
  value(key);
  out_(": ");
  after_key_ = true;
  return *this;
}

JsonStream& JsonStream::value(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : is_utf8(text) ? std::string(text) : replace_invalid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += cat("\\u00", to_hex(std::string_view(&c, 1)));
    } else {
      quoted += c;
    }
  }
  return raw(quoted + '"');
}

JsonStream& JsonStream::value(double number) {
  if (std::isnan(number)) return value("nan");
  if (std::isinf(number)) return value(number < 0 ? "-inf" : "inf");
  return raw(cat(number));
}

JsonStream& JsonStream::raw(std::string_view text) {
  before_value();
  out_(text);
  return *this;
}

}  // namespace ckpt
