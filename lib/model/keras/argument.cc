#include "model/keras/argument.h"

#include <algorithm>

namespace ckpt::keras {

bool Arguments::names(std::string_view name) const {
  return std::ranges::find(named, name, &std::pair<std::string, Argument>::first) != named.end();
}

const Argument* Arguments::find(std::string_view name) const {
  for (const auto& [key, argument] : named) {
    if (key != name) continue;
    const bool is_none = argument.constant != nullptr && argument.constant->is_null();
    return is_none ? nullptr : &argument;
  }
  return nullptr;
}

std::vector<Flow> flows_of(const Argument& argument) {
  std::vector<Flow> flows;
  std::vector<const Argument*> open{&argument};
  while (!open.empty()) {
    const Argument* top = open.back();
    open.pop_back();
    if (top->flow) flows.push_back(*top->flow);
    for (std::size_t i = top->items.size(); i-- > 0;) open.push_back(&top->items[i]);
  }
  return flows;
}

}  // namespace ckpt::keras
