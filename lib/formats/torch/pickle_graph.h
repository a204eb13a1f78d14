#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/torch/pickle.h"

namespace ckpt::torch {

// A pickle's values as they are made: what opcodes leave on the stack are nodes of it. Nothing is
// called: a call becomes a node, but of classes that make an empty dict, list or set. All throw
// Error, without the place: kCorrupt where a value is not what is needed, kUnsupported past a limit
// and for names that are not known.
class PickleGraph {
 public:
  PickleGraph();

  [[nodiscard]] Node& node(Ref ref) { return pickle_.nodes[ref]; }
  [[nodiscard]] std::vector<Ref>& items(Ref ref) { return pickle_.sequences[node(ref).items]; }

  [[nodiscard]] Ref none() const { return none_; }
  [[nodiscard]] Ref truth(bool value) const { return value ? true_ : false_; }

  Ref add(Node node);
  Ref add_sequence(Kind kind, std::vector<Ref> items);
  Ref add_int(std::int64_t value);
  Ref add_little_endian(std::string_view bytes);   // a number in two's complement
  Ref add_text(Kind kind, std::string_view text);  // that lies in the pickle
  Ref add_owned(Kind kind, std::string text);
  Ref add_global(std::string_view module, std::string_view name);

  Ref call(Ref callee, Ref arguments);

  // ("storage", class, key, device, number of elements), in old files with a view behind; or
  // ("module", class, file, source), which stands for the class.
  Ref load_persistent(Ref id);

  // The node of a text.
  const Node& text_node(Ref ref, std::string_view what);

  [[nodiscard]] Pickle take() { return std::move(pickle_); }

 private:
  Ref make_dict(Ref arguments);

  Pickle pickle_;
  std::unordered_map<std::string, std::size_t> storages_;  // by key
  Ref none_ = 0;
  Ref false_ = 0;
  Ref true_ = 0;
  std::array<Ref, 256> small_{};  // numbers that are there once
};

}  // namespace ckpt::torch
