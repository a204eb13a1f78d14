// A machine with a stack, a memo and no calls. The opcodes are those of Python's
// Lib/pickletools.py.
#include "formats/torch/pickle.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/torch/pickle_graph.h"
#include "formats/torch/pickle_text.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kMostOpcodes = 100'000'000;

class Machine {
 public:
  Machine(std::string_view bytes, PickleTrace* trace)
      : bytes_(bytes),
        reader_(bytes),
        asked_(asked_entries(bytes)),
        trace_(trace),
        graph_(bytes.size()) {}

  Pickle run() {
    for (std::size_t count = 0; count < kMostOpcodes; ++count) {
      const std::size_t at = reader_.at();
      begin_ = {narrow(at), graph_.here()};
      try {
        opcode_ = reader_.next();
        if (opcode_.code == '.') break;
        step();
      } catch (const Error& e) {
        if (e.code() != Errc::kCorrupt) throw;
        fail(cat(e.what(), where(at)));
      }
    }
    if (opcode_.code == '.') return stop();
    throw Error(Errc::kUnsupported, cat("its pickle has more than ", kMostOpcodes, " opcodes"));
  }

 private:
  // Where the bytes begin that make a value, and what there was before them.
  struct Begin {
    std::uint32_t at = 0;
    PickleGraph::Place before;
  };
  struct Value {
    Ref ref = 0;
    Begin begin;
  };
  struct Mark {
    std::size_t height = 0;  // of the stack
    Begin begin;
  };

  // A place in the bytes, or a number that is smaller than how many there are.
  static std::uint32_t narrow(std::uint64_t number) { return static_cast<std::uint32_t>(number); }

  static std::string where(std::size_t at) { return cat(" (at byte ", at, " of the pickle)"); }

  // Stack and memo.

  // The value is made by the bytes from the first of what it was made of on.
  void push(Ref ref) { stack_.push_back({ref, begin_}); }

  // The values down to the last mark, or to the bottom, are what an opcode may take.
  Ref pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back().height)) {
      fail("its pickle takes a value where there is none");
    }
    const Value value = stack_.back();
    stack_.pop_back();
    begin_ = value.begin;
    return value.ref;
  }

  Ref top() {
    const Ref ref = pop();
    push(ref);
    return ref;
  }

  // Takes the values down to the last mark, where begins_ says they begin.
  std::span<const Ref> pop_to_mark() {
    if (marks_.empty()) fail("its pickle takes a mark where there is none");
    const Mark mark = marks_.back();
    marks_.pop_back();
    taken_.clear();
    begins_.clear();
    for (std::size_t i = mark.height; i < stack_.size(); ++i) {
      taken_.push_back(stack_[i].ref);
      if (trace_ != nullptr) begins_.push_back(stack_[i].begin.at);
    }
    stack_.resize(mark.height);
    begin_ = mark.begin;
    return taken_;
  }

  void put(std::uint64_t index) {
    // A writer counts its memo up by one for each opcode that fills it.
    if (index >= bytes_.size()) fail(cat("its pickle fills entry ", index, " of its memo"));
    const Ref ref = top();
    const auto i = static_cast<std::size_t>(index);
    if (i < asked_.size() && asked_[i]) {
      if (i >= memo_.size()) memo_.resize(i + 1, Node::kNothing);
      memo_[i] = ref;
      graph_.keep();
      if (trace_ != nullptr && trace_->wants_memo) {
        trace_->fills.push_back(
            {narrow(index), begin_.at, narrow(opcode_.at), narrow(reader_.at())});
      }
    }
    memo_count_ = std::max(memo_count_, i + 1);
  }

  void get(std::uint64_t index) {
    if (index >= memo_.size() || memo_[static_cast<std::size_t>(index)] == Node::kNothing) {
      fail(cat("its pickle asks for entry ", index, " of its memo, which is empty"));
    }
    if (trace_ != nullptr && trace_->wants_memo) {
      trace_->uses.push_back({narrow(index), narrow(opcode_.at)});
    }
    push(memo_[static_cast<std::size_t>(index)]);
  }

  std::uint64_t memo_index(std::string_view line) {
    const std::int64_t value = decimal(line);
    if (value < 0) fail("its pickle has a negative memo index");
    return static_cast<std::uint64_t>(value);
  }

  // What opcodes do.

  // REQUIRES: begins_ has the places of `pairs`.
  void set_items(std::span<const Ref> pairs) {
    const Ref dict = top();
    if (graph_.node(dict).kind != Kind::kDict) {
      fail("its pickle sets items of a value that is no dict");
    }
    if (pairs.size() % 2 != 0) fail("its pickle sets a key without a value");
    if (trace_ != nullptr) trace_pairs(dict, graph_.items(dict).size(), pairs.size());
    graph_.append(dict, pairs);
  }

  // `count` keys and values at begins_ are about to be appended to that dict of `size` items.
  void trace_pairs(Ref dict, std::size_t size, std::size_t count) {
    for (std::size_t i = 0; i < count; i += 2) {
      const std::uint32_t end = i + 2 < count ? begins_[i + 2] : narrow(opcode_.at);
      trace_->pairs.push_back(
          {dict, narrow(size + i), begins_[i], begins_[i + 1], end, opcode_.code == 's'});
    }
  }

  void append(std::span<const Ref> values, Kind kind) {
    const Ref sequence = top();
    if (graph_.node(sequence).kind != kind) {
      fail(cat("its pickle appends to a value that is no ", kind == Kind::kList ? "list" : "set"));
    }
    graph_.append(sequence, values);
  }

  void call(Ref callee, Ref arguments) {
    const Ref made = graph_.call(callee, arguments, begin_.before);
    // Dicts among the arguments that were taken back are in nothing that has a name.
    while (trace_ != nullptr && !trace_->pairs.empty() && trace_->pairs.back().dict >= made) {
      trace_->pairs.pop_back();
    }
    push(made);
  }

  void step() {
    const std::string_view argument = opcode_.argument;
    switch (opcode_.code) {
      case 0x80:  // PROTO
        if (opcode_.number() > 5) {
          fail(cat("its pickle is of protocol ", opcode_.number(), "; 5 is the newest known"));
        }
        break;
      case 0x95:  // FRAME: only says how much may be read at once
        if (opcode_.number() > reader_.left()) throw PickleIsCut();
        if (trace_ != nullptr) trace_->frames.push_back(opcode_.at);
        break;
      case '(':
        marks_.push_back({stack_.size(), begin_});
        break;
      case '0':  // POP, which also takes a mark
        if (!marks_.empty() && marks_.back().height == stack_.size()) {
          marks_.pop_back();
        } else {
          pop();
        }
        break;
      case '1':
        pop_to_mark();
        break;
      case '2':
        if (trace_ != nullptr) trace_->has_copies = true;
        graph_.keep();
        push(top());
        break;
      case 'N':
        push(graph_.none());
        break;
      case 0x88:
        push(graph_.truth(true));
        break;
      case 0x89:
        push(graph_.truth(false));
        break;
      case 'I': {
        const bool is_truth = argument == "00" || argument == "01";
        push(is_truth ? graph_.truth(argument == "01") : graph_.add_int(decimal(argument)));
        break;
      }
      case 'L': {
        std::string_view digits = argument;
        if (digits.ends_with('L')) digits.remove_suffix(1);
        push(graph_.add_int(decimal(digits)));
        break;
      }
      case 'K':
      case 'M':
        push(graph_.add_int(static_cast<std::int64_t>(opcode_.number())));
        break;
      case 'J':
      case 0x8a:
      case 0x8b:
        push(graph_.add_little_endian(argument));
        break;
      case 'F':
        push(graph_.add_real(real(argument)));
        break;
      case 'G': {
        std::uint64_t bits = 0;
        for (const char c : argument) bits = bits << 8 | static_cast<unsigned char>(c);
        push(graph_.add_real(std::bit_cast<double>(bits)));
        break;
      }
      case 'S':
        push(graph_.add_owned(Kind::kText, unquoted(argument)));
        break;
      case 'V':
        push(graph_.add_owned(Kind::kText, raw_unicode(argument)));
        break;
      case 'T':
      case 'X':
      case 'U':
      case 0x8c:
      case 0x8d:
        push(graph_.add_text(Kind::kText, argument));
        break;
      case 'C':
      case 'B':
      case 0x8e:
      case 0x96:
        push(graph_.add_text(Kind::kBytes, argument));
        break;
      case ')':
        push(graph_.add_sequence(Kind::kTuple, {}));
        break;
      case ']':
        push(graph_.add_sequence(Kind::kList, {}));
        break;
      case '}':
        push(graph_.add_sequence(Kind::kDict, {}));
        break;
      case 0x8f:
        push(graph_.add_sequence(Kind::kSet, {}));
        break;
      case 't':
        push(graph_.add_sequence(Kind::kTuple, pop_to_mark()));
        break;
      case 'l':
        push(graph_.add_sequence(Kind::kList, pop_to_mark()));
        break;
      case 0x91:
        push(graph_.add_sequence(Kind::kSet, pop_to_mark()));
        break;
      case 'd': {
        const auto pairs = pop_to_mark();
        if (pairs.size() % 2 != 0) fail("its pickle sets a key without a value");
        push(graph_.add_sequence(Kind::kDict, pairs));
        break;
      }
      case 0x85:
      case 0x86:
      case 0x87: {
        std::array<Ref, 3> parts{};
        const auto used = std::span(parts).first(std::size_t{opcode_.code} - 0x84);
        for (std::size_t i = used.size(); i-- > 0;) used[i] = pop();
        push(graph_.add_sequence(Kind::kTuple, used));
        break;
      }
      case 'a': {
        const Ref value = pop();
        append({&value, 1}, Kind::kList);
        break;
      }
      case 'e':
        append(pop_to_mark(), Kind::kList);
        break;
      case 0x90:
        append(pop_to_mark(), Kind::kSet);
        break;
      case 's': {
        std::array<Ref, 2> pair{};
        begins_.resize(2);
        for (std::size_t i = 2; i-- > 0; begins_[i] = begin_.at) pair[i] = pop();
        set_items(pair);
        break;
      }
      case 'u':
        set_items(pop_to_mark());
        break;
      case 'p':
        put(memo_index(argument));
        break;
      case 'q':
      case 'r':
        put(opcode_.number());
        break;
      case 0x94:
        if (trace_ != nullptr) trace_->counts_memo = true;
        put(memo_count_);
        break;
      case 'g':
        get(memo_index(argument));
        break;
      case 'h':
      case 'j':
        get(opcode_.number());
        break;
      case 'c':
        push(graph_.add_global(argument, opcode_.second));
        break;
      case 0x93: {
        constexpr std::string_view kWhat = "a part of a class's name in the pickle";
        const Ref name = pop();
        const Ref module = pop();
        push(graph_.add_global(graph_.text_of(module, kWhat), graph_.text_of(name, kWhat)));
        break;
      }
      case 'R':
      case 0x81: {  // NEWOBJ
        const Ref arguments = pop();
        call(pop(), arguments);
        break;
      }
      case 0x92: {  // NEWOBJ_EX
        const Ref named = pop();
        const Ref arguments = pop();
        if (graph_.node(named).kind != Kind::kDict || !graph_.items(named).empty()) {
          fail("its pickle makes an object with named arguments");
        }
        call(pop(), arguments);
        break;
      }
      case 'i': {  // INST
        const Ref callee = graph_.add_global(argument, opcode_.second);
        const Ref arguments = graph_.add_sequence(Kind::kTuple, pop_to_mark());
        call(callee, arguments);
        break;
      }
      case 'o': {  // OBJ
        const auto parts = pop_to_mark();
        if (parts.empty()) fail("its pickle makes an object of no class");
        call(parts.front(), graph_.add_sequence(Kind::kTuple, parts.subspan(1)));
        break;
      }
      case 'b': {
        const Ref state = pop();
        graph_.set_state(top(), state);
        break;
      }
      case 'Q':
        push(graph_.load_persistent(pop()));
        break;
      case 'P':
        fail("its pickle names a storage by a line of text, which PyTorch does not");
      case 0x82:
      case 0x83:
      case 0x84:
        throw Error(Errc::kUnsupported,
                    cat("its pickle names a class by a number of a registry, which no checkpoint "
                        "needs; nothing of it was run, and it is not read",
                        where(opcode_.at)));
      case 0x97:
      case 0x98:
        throw Error(Errc::kUnsupported,
                    cat("its pickle needs buffers from outside of it", where(opcode_.at)));
      default:
        fail(cat("its pickle has the opcode ", to_hex({bytes_.data() + opcode_.at, 1}),
                 ", which no protocol has"));
    }
  }

  Pickle stop() {
    if (!marks_.empty()) fail(cat("its pickle ends inside ", count_of(marks_.size(), "mark")));
    if (stack_.size() != 1) {
      fail(cat("its pickle ends with ", count_of(stack_.size(), "value"), "; one is needed"));
    }
    Pickle pickle = graph_.take();
    pickle.root = stack_[0].ref;
    pickle.size = reader_.at();
    return pickle;
  }

  std::string_view bytes_;
  OpcodeReader reader_;
  std::vector<bool> asked_;  // entries of the memo
  PickleTrace* trace_;
  PickleGraph graph_;
  Opcode opcode_;  // at hand
  Begin begin_;    // of what it pushes
  std::vector<Value> stack_;
  std::vector<Mark> marks_;
  std::vector<Ref> taken_;
  std::vector<std::uint32_t> begins_;  // of the bytes of each, for the trace
  std::vector<Ref> memo_;
  std::size_t memo_count_ = 0;
};

}  // namespace

Pickle read_pickle(ByteView bytes, PickleTrace* trace) {
  return Machine(as_text(bytes), trace).run();
}

}  // namespace ckpt::torch
