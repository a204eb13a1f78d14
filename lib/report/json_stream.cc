#include "report/json_stream.h"

#include <cmath>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {

namespace {

// Text goes out in pieces of about this size.
constexpr std::size_t kPiece = 1 << 14;

bool is_plain(std::string_view text) {
  bool plain = true;  // without a way out the loop takes many at once
  for (const char c : text) plain &= (c >= ' ') & (c < '\x7f') & (c != '"') & (c != '\\');
  return plain;
}

}  // namespace

void JsonStream::line_break() {
  pending_ += '\n';
  pending_.append(2 * levels_.size(), ' ');
}

void JsonStream::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (!level.empty) pending_ += level.form == Form::kInline ? ", " : ",";
  if (level.form == Form::kLines) line_break();
  level.empty = false;
}

void JsonStream::after_value() {
  if (!levels_.empty() && pending_.size() < kPiece) return;
  out_(pending_);
  pending_.clear();
}

JsonStream& JsonStream::begin(char bracket, Form form) {
  before_value();
  pending_ += bracket;
  levels_.push_back({form});
  return *this;
}

JsonStream& JsonStream::end(char bracket) {
  const Level level = levels_.back();
  levels_.pop_back();
  if (level.form == Form::kLines && !level.empty) line_break();
  pending_ += bracket;
  if (levels_.empty()) pending_ += '\n';
  after_value();
  return *this;
}

JsonStream& JsonStream::key(std::string_view key) {
  before_value();
  quote(key);
  pending_ += ": ";
  after_key_ = true;
  return *this;
}

JsonStream& JsonStream::value(std::string_view text) {
  before_value();
  quote(text);
  after_value();
  return *this;
}

void JsonStream::quote(std::string_view text) {
  pending_ += '"';
  if (is_plain(text)) {
    pending_ += text;
  } else {
    for (const char c : is_utf8(text) ? std::string(text) : replace_invalid_utf8(text)) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        pending_ += '\\';
        pending_ += c;
      } else if (c == '\n') {
        pending_ += "\\n";
      } else if (byte < 0x20 || byte == 0x7f) {
        pending_ += cat("\\u00", to_hex(std::string_view(&c, 1)));
      } else {
        pending_ += c;
      }
    }
  }
  pending_ += '"';
}

JsonStream& JsonStream::value(double number) {
  if (std::isnan(number)) return value("nan");
  if (std::isinf(number)) return value(number < 0 ? "-inf" : "inf");
  return raw(Piece(number).text());
}

JsonStream& JsonStream::raw(std::string_view text) {
  before_value();
  pending_ += text;
  after_value();
  return *this;
}

}  // namespace ckpt
