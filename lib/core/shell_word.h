#pragma once

#include <string>
#include <string_view>

namespace ckpt {

// `text` as one word of a command that a person copies into a POSIX shell, and that no terminal is
// fooled by: plain names come out unchanged, others between quotes, bytes that are not printable
// ASCII or valid UTF-8 as $'\xNN' (bash, zsh, ksh). A word that begins with "-" gets "./" in front,
// since it is a path and no option.
std::string shell_word(std::string_view text);

}  // namespace ckpt
