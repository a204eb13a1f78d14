#include "model/initial_checkpoint.h"

#include <algorithm>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "scope/role.h"

namespace ckpt {
namespace {

class InitialReader : public Reader {
 public:
  InitialReader(const Graph& graph, std::uint64_t seed) : graph_(graph), seed_(seed) {
    index_.format = "graph";
    index_.layout = graph.source;
    index_.notes = graph.notes;
    std::unordered_set<std::string_view> names;
    for (const GraphVariable& variable : graph.variables) {
      if (!names.insert(variable.name).second) {
        throw Error(Errc::kConflict,
                    cat("the graph has two variables '", escape(variable.name), "'"));
      }
      Entry entry;
      entry.name = variable.name;
      entry.dtype = variable.dtype;
      entry.shape = variable.shape;
      try {
        entry.nbytes = tensor_bytes(variable.dtype, variable.shape);
      } catch (const Error& e) {
        throw e.in(escape(variable.name));
      }
      index_.entries.push_back(std::move(entry));
    }
    set_roles();
  }

  [[nodiscard]] const Index& index() const override { return index_; }

  [[nodiscard]] Details details(std::size_t i) const override {
    return {.storage = "computed", .stored_bytes = index_.entries[i].nbytes, .attributes = {}};
  }

 private:
  void set_roles() {
    std::vector<Leaf> leaves;
    for (const Entry& entry : index_.entries) leaves.push_back({entry.name, &entry.shape});
    const std::vector<Role> roles = roles_of(leaves, index_.separator);
    for (std::size_t i = 0; i < roles.size(); ++i) index_.entries[i].role = roles[i];
  }

  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override {
    if (made_ != i) {
      tensor_ = {};
      const GraphVariable& variable = graph_.variables[i];
      tensor_ = variable.initializer.make(variable.shape, variable.dtype, seed_, variable.name);
      made_ = i;
    }
    const auto offset = static_cast<std::size_t>(first) * size_of(tensor_.dtype);
    std::ranges::copy(std::span(tensor_.bytes).subspan(offset, out.size()), out.begin());
  }

  const Graph& graph_;
  std::uint64_t seed_;
  Index index_;
  // The variable that was asked for last.
  mutable std::size_t made_ = SIZE_MAX;
  mutable Tensor tensor_;
};

}  // namespace

std::unique_ptr<Reader> open_initial(const Graph& graph, std::uint64_t seed) {
  return std::make_unique<InitialReader>(graph, seed);
}

}  // namespace ckpt
