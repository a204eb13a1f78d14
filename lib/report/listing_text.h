#pragma once

#include <string_view>

#include "checkpoint/listing.h"
#include "report/output.h"

namespace ckpt {

struct ListingText {
  TextStyle style;
  bool flat = false;       // one line a variable with its whole name, instead of the tree
  bool details = false;    // storage, place and attributes under each variable
  bool show_path = false;  // start with a line that says file, format and size
};

// The listing for people: a row for each scope and variable, and the sums at the end.
void print_listing(const Reader& reader, const Listing& listing, const ListingRequest& request,
                   std::string_view path, const ListingText& how, const Output& out);

// The listing as tab-separated values, without a header line: file, name, dtype, shape ("3x3x1x8"),
// parameters, bytes, role, place. Names are escaped, so that each has neither tab nor line break.
void print_listing_tsv(const Reader& reader, const Listing& listing, std::string_view path,
                       const Output& out);

// The header line of print_listing_tsv()'s columns.
void print_listing_tsv_header(const Output& out);

}  // namespace ckpt
