// A machine with a stack, a memo and no calls. The opcodes are those of Python's
// Lib/pickletools.py.
#include "formats/torch/pickle.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/torch/pickle_graph.h"
#include "formats/torch/pickle_text.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kMostOpcodes = 100'000'000;

[[noreturn]] void fail(const std::string& sentence) { throw Error(Errc::kCorrupt, sentence); }

class Machine {
 public:
  Machine(ByteView bytes, PickleTrace* trace) : bytes_(as_text(bytes)), trace_(trace) {}

  Pickle run() {
    for (std::size_t count = 0; count < kMostOpcodes; ++count) {
      opcode_at_ = begin_ = at_;
      const char opcode = take(1)[0];
      if (opcode == '.') return stop();
      try {
        step(opcode);
      } catch (const Error& e) {
        if (e.code() != Errc::kCorrupt) throw;
        fail(cat(e.what(), where()));
      }
    }
    throw Error(Errc::kUnsupported, cat("its pickle has more than ", kMostOpcodes, " opcodes"));
  }

 private:
  // Bytes.

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) throw PickleIsCut();
    const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(count));
    at_ += taken.size();
    return taken;
  }

  std::uint64_t take_number(std::size_t size) {
    const std::string_view taken = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(taken[i]);
    return value;
  }

  std::string_view take_line() {
    constexpr std::size_t kLongestLine = std::size_t{1} << 20;
    const auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) {
      if (bytes_.size() - at_ > kLongestLine) fail("its pickle has a line without an end");
      throw PickleIsCut();
    }
    const std::string_view line = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }

  [[nodiscard]] std::string where() const {
    return cat(" (at byte ", opcode_at_, " of the pickle)");
  }

  // Stack and memo.

  // The value is made by the bytes from the first of what it was made of on.
  void push(Ref ref) {
    stack_.push_back(ref);
    begins_.push_back(begin_);
  }

  // The values down to the last mark, or to the bottom, are what an opcode may take.
  Ref pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back().height)) {
      fail("its pickle takes a value where there is none");
    }
    const Ref ref = stack_.back();
    stack_.pop_back();
    begin_ = begins_.back();
    begins_.pop_back();
    return ref;
  }

  Ref top() {
    const Ref ref = pop();
    push(ref);
    return ref;
  }

  std::vector<Ref> pop_to_mark() {
    if (marks_.empty()) fail("its pickle takes a mark where there is none");
    const auto height = static_cast<std::ptrdiff_t>(marks_.back().height);
    begin_ = marks_.back().at;
    marks_.pop_back();
    std::vector<Ref> taken(stack_.begin() + height, stack_.end());
    stack_.erase(stack_.begin() + height, stack_.end());
    taken_begins_.assign(begins_.begin() + height, begins_.end());
    begins_.erase(begins_.begin() + height, begins_.end());
    return taken;
  }

  void put(std::uint64_t index) {
    // A writer counts its memo up by one for each opcode that fills it.
    if (index >= bytes_.size()) fail(cat("its pickle fills entry ", index, " of its memo"));
    if (index >= memo_.size()) memo_.resize(static_cast<std::size_t>(index) + 1, Node::kNothing);
    memo_[static_cast<std::size_t>(index)] = top();
    if (trace_ != nullptr) trace_->fills.push_back({index, begin_, opcode_at_, at_});
    memo_count_ = std::max(memo_count_, static_cast<std::size_t>(index) + 1);
  }

  void get(std::uint64_t index) {
    if (index >= memo_.size() || memo_[static_cast<std::size_t>(index)] == Node::kNothing) {
      fail(cat("its pickle asks for entry ", index, " of its memo, which is empty"));
    }
    if (trace_ != nullptr) trace_->uses.push_back({index, opcode_at_});
    push(memo_[static_cast<std::size_t>(index)]);
  }

  std::uint64_t memo_index(std::string_view line) {
    const std::int64_t value = decimal(line);
    if (value < 0) fail("its pickle has a negative memo index");
    return static_cast<std::uint64_t>(value);
  }

  // What opcodes do.

  void set_items(const std::vector<Ref>& pairs) {
    const Ref target = top();
    if (graph_.node(target).kind != Kind::kDict) {
      fail("its pickle sets items of a value that is no dict");
    }
    if (pairs.size() % 2 != 0) fail("its pickle sets a key without a value");
    if (trace_ != nullptr)
      trace_pairs(graph_.node(target).items, graph_.items(target).size(), pairs.size());
    graph_.items(target).insert(graph_.items(target).end(), pairs.begin(), pairs.end());
  }

  // `count` keys and values at taken_begins_ are about to be appended to that sequence of `size`.
  void trace_pairs(std::uint32_t sequence, std::size_t size, std::size_t count) {
    for (std::size_t i = 0; i < count; i += 2) {
      const std::size_t end = i + 2 < count ? taken_begins_[i + 2] : opcode_at_;
      trace_->pairs.push_back({sequence, size + i, taken_begins_[i], taken_begins_[i + 1], end,
                               bytes_[opcode_at_] == 's'});
    }
  }

  void append(const std::vector<Ref>& values, Kind kind) {
    const Ref target = top();
    if (graph_.node(target).kind != kind) {
      fail(cat("its pickle appends to a value that is no ", kind == Kind::kList ? "list" : "set"));
    }
    graph_.items(target).insert(graph_.items(target).end(), values.begin(), values.end());
  }

  void build() {
    const Ref state = pop();
    const Ref target = top();
    if (graph_.node(target).kind != Kind::kCall && graph_.node(target).kind != Kind::kDict) {
      fail("its pickle gives a state to a value that has none");
    }
    graph_.node(target).state = state;
  }

  void step(char opcode) {
    switch (static_cast<unsigned char>(opcode)) {
      case 0x80: {  // PROTO
        const std::uint64_t protocol = take_number(1);
        if (protocol > 5)
          fail(cat("its pickle is of protocol ", protocol, "; 5 is the newest known"));
        break;
      }
      case 0x95:  // FRAME: only says how much may be read at once
        if (take_number(8) > bytes_.size() - at_) throw PickleIsCut();
        if (trace_ != nullptr) trace_->frames.push_back(opcode_at_);
        break;
      case '(':
        marks_.push_back({stack_.size(), opcode_at_});
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
        const std::string_view line = take_line();
        const bool is_truth = line == "00" || line == "01";
        push(is_truth ? graph_.truth(line == "01") : graph_.add_int(decimal(line)));
        break;
      }
      case 'L': {
        std::string_view line = take_line();
        if (line.ends_with('L')) line.remove_suffix(1);
        push(graph_.add_int(decimal(line)));
        break;
      }
      case 'J':
        push(graph_.add_int(
            std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(take_number(4)))));
        break;
      case 'K':
        push(graph_.add_int(static_cast<std::int64_t>(take_number(1))));
        break;
      case 'M':
        push(graph_.add_int(static_cast<std::int64_t>(take_number(2))));
        break;
      case 0x8a:
        push(graph_.add_little_endian(take(take_number(1))));
        break;
      case 0x8b: {
        const auto size = std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(take_number(4)));
        if (size < 0) fail(cat("its pickle has a number of ", size, " bytes"));
        push(graph_.add_little_endian(take(static_cast<std::uint64_t>(size))));
        break;
      }
      case 'F':
        push(graph_.add({.kind = Kind::kFloat, .real = real(take_line())}));
        break;
      case 'G': {
        std::uint64_t bits = 0;
        for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
        push(graph_.add({.kind = Kind::kFloat, .real = std::bit_cast<double>(bits)}));
        break;
      }
      case 'S':
        push(graph_.add_owned(Kind::kText, unquoted(take_line())));
        break;
      case 'V':
        push(graph_.add_owned(Kind::kText, raw_unicode(take_line())));
        break;
      case 'T':
      case 'X':
        push(graph_.add_text(Kind::kText, take(take_number(4))));
        break;
      case 'U':
      case 0x8c:
        push(graph_.add_text(Kind::kText, take(take_number(1))));
        break;
      case 0x8d:
        push(graph_.add_text(Kind::kText, take(take_number(8))));
        break;
      case 'C':
        push(graph_.add_text(Kind::kBytes, take(take_number(1))));
        break;
      case 'B':
        push(graph_.add_text(Kind::kBytes, take(take_number(4))));
        break;
      case 0x8e:
      case 0x96:
        push(graph_.add_text(Kind::kBytes, take(take_number(8))));
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
        std::vector<Ref> pairs = pop_to_mark();
        if (pairs.size() % 2 != 0) fail("its pickle sets a key without a value");
        push(graph_.add_sequence(Kind::kDict, std::move(pairs)));
        break;
      }
      case 0x85:
      case 0x86:
      case 0x87: {
        std::vector<Ref> parts(static_cast<std::size_t>(static_cast<unsigned char>(opcode) - 0x84));
        for (std::size_t i = parts.size(); i-- > 0;) parts[i] = pop();
        push(graph_.add_sequence(Kind::kTuple, std::move(parts)));
        break;
      }
      case 'a': {
        const Ref value = pop();
        append({value}, Kind::kList);
        break;
      }
      case 'e':
        append(pop_to_mark(), Kind::kList);
        break;
      case 0x90:
        append(pop_to_mark(), Kind::kSet);
        break;
      case 's': {
        const Ref value = pop();
        taken_begins_ = {0, begin_};
        const Ref key = pop();
        taken_begins_[0] = begin_;
        set_items({key, value});
        break;
      }
      case 'u':
        set_items(pop_to_mark());
        break;
      case 'p':
        put(memo_index(take_line()));
        break;
      case 'q':
        put(take_number(1));
        break;
      case 'r':
        put(take_number(4));
        break;
      case 0x94:
        if (trace_ != nullptr) trace_->counts_memo = true;
        put(memo_count_);
        break;
      case 'g':
        get(memo_index(take_line()));
        break;
      case 'h':
        get(take_number(1));
        break;
      case 'j':
        get(take_number(4));
        break;
      case 'c': {
        const std::string_view module = take_line();
        push(graph_.add_global(module, take_line()));
        break;
      }
      case 0x93: {
        const Ref name = pop();
        const Ref module = pop();
        constexpr std::string_view kWhat = "a part of a class's name in the pickle";
        push(graph_.add_global(graph_.text_node(module, kWhat).text,
                               graph_.text_node(name, kWhat).text));
        break;
      }
      case 'R': {
        const Ref arguments = pop();
        push(graph_.call(pop(), arguments));
        break;
      }
      case 0x81: {  // NEWOBJ
        const Ref arguments = pop();
        push(graph_.call(pop(), arguments));
        break;
      }
      case 0x92: {  // NEWOBJ_EX
        const Ref named = pop();
        const Ref arguments = pop();
        if (graph_.node(named).kind != Kind::kDict || !graph_.items(named).empty()) {
          fail("its pickle makes an object with named arguments");
        }
        push(graph_.call(pop(), arguments));
        break;
      }
      case 'i': {  // INST
        const std::string_view module = take_line();
        const Ref callee = graph_.add_global(module, take_line());
        push(graph_.call(callee, graph_.add_sequence(Kind::kTuple, pop_to_mark())));
        break;
      }
      case 'o': {  // OBJ
        std::vector<Ref> parts = pop_to_mark();
        if (parts.empty()) fail("its pickle makes an object of no class");
        const Ref callee = parts.front();
        parts.erase(parts.begin());
        push(graph_.call(callee, graph_.add_sequence(Kind::kTuple, std::move(parts))));
        break;
      }
      case 'b':
        build();
        break;
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
                        where()));
      case 0x97:
      case 0x98:
        throw Error(Errc::kUnsupported,
                    cat("its pickle needs buffers from outside of it", where()));
      default:
        fail(cat("its pickle has the opcode ", to_hex({&opcode, 1}), ", which no protocol has"));
    }
  }

  Pickle stop() {
    if (!marks_.empty()) fail(cat("its pickle ends inside ", count_of(marks_.size(), "mark")));
    if (stack_.size() != 1) {
      fail(cat("its pickle ends with ", count_of(stack_.size(), "value"), "; one is needed"));
    }
    Pickle pickle = graph_.take();
    pickle.root = stack_[0];
    pickle.size = at_;
    return pickle;
  }

  std::string_view bytes_;
  PickleTrace* trace_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  PickleGraph graph_;
  std::vector<Ref> stack_;
  std::vector<std::size_t> begins_;  // of the bytes that make each value of the stack
  struct Mark {
    std::size_t height = 0;  // of the stack
    std::size_t at = 0;
  };
  std::vector<Mark> marks_;
  std::vector<std::size_t> taken_begins_;  // of the values that were taken to a mark
  std::size_t begin_ = 0;                  // of the bytes that make what the opcode at hand pushes
  std::vector<Ref> memo_;
  std::size_t memo_count_ = 0;
};

}  // namespace

Pickle read_pickle(ByteView bytes, PickleTrace* trace) { return Machine(bytes, trace).run(); }

}  // namespace ckpt::torch
