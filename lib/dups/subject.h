#pragma once

#include <cstddef>

#include "dups/catalogue.h"
#include "dups/shared_reader.h"

namespace ckpt {

// One checkpoint that is searched: what the steps of the search hand to each other. Its parts must
// outlive it.
struct Subject {
  const SharedReader& reader;
  const Catalogue& catalogue;
  std::size_t input = 0;  // its position among those that are searched
};

}  // namespace ckpt
