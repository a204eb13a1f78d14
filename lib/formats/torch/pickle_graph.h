#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "core/name_index.h"
#include "formats/torch/pickle.h"

namespace ckpt::torch {

// A pickle's values as they are made: what opcodes leave on the stack are nodes of it. Nothing is
// called: a call becomes a node, but of classes that make an empty dict, list or set, and of
// functions that make a tensor. All throw Error, without the place: kCorrupt where a value is not
// what is needed, kUnsupported past a limit and for names that are not known.
class PickleGraph {
 public:
  // Of a pickle of that size.
  explicit PickleGraph(std::size_t bytes);

  // How much there was when the bytes of a value began.
  struct Place {
    std::uint32_t nodes = 0;
    std::uint32_t items = 0;
  };
  [[nodiscard]] Place here() const;

  // What there is now may be asked for again, from elsewhere than where it was made. So may what
  // is put into a part of it later.
  void keep() { kept_ = here(); }

  [[nodiscard]] const Node& node(Ref ref) const { return pickle_.nodes[ref]; }
  [[nodiscard]] std::span<const Ref> items(Ref ref) const { return pickle_.items_of(node(ref)); }

  [[nodiscard]] Ref none() const { return none_; }
  [[nodiscard]] Ref truth(bool value) const { return value ? true_ : false_; }

  Ref add_sequence(Kind kind, std::span<const Ref> items);
  Ref add_int(std::int64_t value);
  Ref add_real(double value);
  Ref add_little_endian(std::string_view bytes);   // a number in two's complement
  Ref add_text(Kind kind, std::string_view text);  // that lies in the pickle
  Ref add_owned(Kind kind, std::string_view text);
  Ref add_global(std::string_view module, std::string_view name);

  // To a list, a set or a dict.
  void append(Ref sequence, std::span<const Ref> values);

  void set_state(Ref object, Ref state);

  // A call whose bytes began at `begin`. One that makes a tensor becomes a View, and what was made
  // since then, its arguments, is taken back as far as nobody keeps it.
  Ref call(Ref callee, Ref arguments, Place begin);

  // ("storage", class, key, device, number of elements), in old files with a view behind; or
  // ("module", class, file, source), which stands for the class.
  Ref load_persistent(Ref id);

  // The text of a node.
  std::string_view text_of(Ref ref, std::string_view what) const;

  [[nodiscard]] Pickle take() { return std::move(pickle_); }

 private:
  Ref add(Node node);
  Ref make_dict(Ref arguments);
  Ref make_set(Ref arguments);
  Ref make_tensor(Ref call, Place begin);
  const NamedGlobal& global(Ref ref) const { return pickle_.globals[node(ref).size]; }

  Pickle pickle_;
  NameIndex storages_;  // by key
  NameIndex globals_;   // by name
  Place kept_;
  bool views_are_sound_ = true;  // so far
  Ref none_ = 0;
  Ref false_ = 0;
  Ref true_ = 0;
  std::array<Ref, 256> small_{};  // numbers that are there once
};

}  // namespace ckpt::torch
