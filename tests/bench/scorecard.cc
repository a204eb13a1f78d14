#include <charconv>
#include <cstdint>
#include <iostream>
#include <string_view>

#include "core/text.h"
#include "support/scorecard.h"

namespace {

// Reads all of `text` as a number; false where it is none.
template <typename T>
bool parse(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

// How well `ckpt dups` finds mistakes that are made on purpose, and leaves alone what only looks
// like them: a table for the README.
int main(int argc, char** argv) {
  std::uint64_t seed = 7'000'000;
  int count = 20;
  bool is_verbose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    bool is_known = option == "--faults";
    if (is_known) is_verbose = true;
    if (option == "--seed" && i + 1 < argc) is_known = parse(argv[++i], seed);
    if (option == "--count" && i + 1 < argc) is_known = parse(argv[++i], count) && count > 0;
    if (!is_known) {
      std::cerr << "usage: ckpt_scorecard [--seed N] [--count N] [--faults]\n"
                   "  --seed    the first to draw checkpoints by (default 7000000)\n"
                   "  --count   mistakes of each code, and checkpoints of each legitimate kind "
                   "(default 20)\n"
                   "  --faults  tell also what was missed and what was wrong, one by one\n";
      return 2;
    }
  }
  const Scorecard card = make_scorecard(seed, count);
  std::cout << card.table();
  if (is_verbose && !card.faults.empty())
    std::cout << '\n' << ckpt::join(card.faults, "\n") << '\n';
}
