#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "core/text.h"
#include "support/scorecard.h"

// How well `ckpt dups` finds mistakes that are made on purpose, and leaves alone what only looks
// like them: a table for the README.
int main(int argc, char** argv) {
  std::uint64_t seed = 7'000'000;
  int count = 20;
  bool is_verbose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (option == "--count" && i + 1 < argc) {
      count = static_cast<int>(std::strtol(argv[++i], nullptr, 10));
    } else if (option == "--faults") {
      is_verbose = true;
    } else {
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
