#pragma once

#include <memory>
#include <optional>
#include <string>

#include "checkpoint/reader.h"
#include "console.h"
#include "model/graph.h"
#include "verify/variable_check.h"

namespace ckpt {

// How the names of two checkpoints correspond, and each of them seen with the other's names. Both
// checkpoints outlive it.
struct Correspondence {
  std::string words;  // "by new.h5.ckpt-receipt.json"
  Origins origins;
  const Reader* expected = nullptr;  // OLD as a right NEW would be
  const Reader* returned = nullptr;  // NEW under OLD's names; null where it cannot be seen so
  std::unique_ptr<Reader> expected_view;
  std::unique_ptr<Reader> returned_view;
};

// By `map`, a map file or a receipt, where one is given; else by the receipt beside `found_path`
// where there is one and `use_receipt`; else by equal names, which their formats' separators may
// tell apart.
// Throws Error: kInvalid where there are several receipts; kConflict where the map or the receipt
// cannot be applied to OLD.
Correspondence correspond(const Reader& old, const Reader& found, const std::string& found_path,
                          const std::string& map, bool use_receipt, Console& console);

// By the parts that variables play in two networks of one wiring, for checkpoints that have no name
// in common, such as two layouts of one model; empty where they have one, or the networks differ.
std::optional<Correspondence> correspond_by_parts(const Reader& old, const Graph& old_graph,
                                                  const Reader& found, const Graph& found_graph);

}  // namespace ckpt
