#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt::hdf5 {

// Collects an index's notes. Of one kind the first few are kept and the rest counted: a file with a
// million dangling links is answered with a page, not with a million lines.
class Notes {
 public:
  // `kind` is the plural that ends "… and 57 more ": "soft links that lead nowhere".
  void add(std::string_view kind, std::string sentence);

  // The notes, kinds in the order in which they first occurred.
  [[nodiscard]] std::vector<std::string> sentences() const;

 private:
  static constexpr std::size_t kKept = 10;
  struct Kind {
    std::string plural;
    std::vector<std::string> kept;
    std::uint64_t count = 0;
  };
  std::vector<Kind> kinds_;
};

}  // namespace ckpt::hdf5
