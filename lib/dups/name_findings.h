#pragma once

#include <functional>
#include <vector>

#include "dups/finding.h"
#include "dups/subject.h"

namespace ckpt {

// What names and shapes tell, without a second copy: each reads at most samples.

// T5: "a/a/x" beside "a/x". `are_equal` tells of two entries whether their bytes are the same.
struct NestedRepeat {
  std::size_t inner = 0;  // the node "a/a"
  bool is_whole = false;  // has "a" all that "a/a" has?
  Finding finding;
};
std::vector<NestedRepeat> find_nested_repeats(
    const Subject& subject, const std::function<bool(std::size_t, std::size_t)>& are_equal);

// T6: "module." on all names.
std::vector<Finding> find_wrappers(const Subject& subject);

// T7: averages that are kept beside their variables, one finding for all of a kind.
std::vector<Finding> find_averages(const Subject& subject);

// T8: slots without their variable, and a second set of slots.
std::vector<Finding> find_orphan_slots(const Subject& subject);

// T11: "scope/kernel" beside "scope/dense/kernel".
std::vector<Finding> find_detached(const Subject& subject);

// T12: layers whose numbers do not start at the beginning.
std::vector<Finding> find_counter_drift(const Subject& subject);

// T13: names that differ in case alone, and variables that are scopes too.
std::vector<Finding> find_name_clashes(const Subject& subject);

// T14: "x/replica_1" beside "x", and a first axis whose rows are all equal, everywhere.
std::vector<Finding> find_replicas(const Subject& subject);

// One stored tensor under several names.
std::vector<Finding> find_aliases(const Subject& subject);

}  // namespace ckpt
