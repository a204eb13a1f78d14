// A machine with a stack, a memo and no calls. The opcodes are those of Python's
// Lib/pickletools.py.
#include "formats/torch/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <unordered_map>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::torch {
namespace {

constexpr std::size_t kMostNodes = 20'000'000;
constexpr std::size_t kMostOpcodes = 100'000'000;
constexpr std::size_t kMostDigits = 20;  // of a decimal number

[[noreturn]] void fail(const std::string& sentence) { throw Error(Errc::kCorrupt, sentence); }

class Machine {
 public:
  Machine(ByteView bytes, PickleTrace* trace) : bytes_(as_text(bytes)), trace_(trace) {
    none_ = add({.kind = Kind::kNone});
    false_ = add({.kind = Kind::kBool, .number = 0});
    true_ = add({.kind = Kind::kBool, .number = 1});
    for (std::size_t i = 0; i < small_.size(); ++i) {
      small_[i] = add({.kind = Kind::kInt, .number = static_cast<std::int64_t>(i)});
    }
  }

  Pickle run() {
    for (std::size_t count = 0; count < kMostOpcodes; ++count) {
      opcode_at_ = begin_ = at_;
      const char opcode = take(1)[0];
      if (opcode == '.') return stop();
      step(opcode);
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
      if (bytes_.size() - at_ > kLongestLine)
        fail(cat("its pickle has a line without an end", where()));
      throw PickleIsCut();
    }
    const std::string_view line = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }

  [[nodiscard]] std::string where() const {
    return cat(" (at byte ", opcode_at_, " of the pickle)");
  }

  // Nodes.

  Ref add(Node node) {
    if (pickle_.nodes.size() == kMostNodes) {
      throw Error(Errc::kUnsupported, cat("its pickle has more than ", kMostNodes, " values"));
    }
    pickle_.nodes.push_back(node);
    return static_cast<Ref>(pickle_.nodes.size() - 1);
  }

  Ref add_sequence(Kind kind, std::vector<Ref> items) {
    pickle_.sequences.push_back(std::move(items));
    return add({.kind = kind, .items = static_cast<std::uint32_t>(pickle_.sequences.size() - 1)});
  }

  Ref add_int(std::int64_t value) {
    if (value >= 0 && static_cast<std::size_t>(value) < small_.size()) {
      return small_[static_cast<std::size_t>(value)];
    }
    return add({.kind = Kind::kInt, .number = value});
  }

  Ref add_text(Kind kind, std::string_view text) { return add({.kind = kind, .text = text}); }

  Ref add_owned(Kind kind, std::string text) {
    pickle_.texts.push_back(std::move(text));
    return add_text(kind, pickle_.texts.back());
  }

  Node& node(Ref ref) { return pickle_.nodes[ref]; }
  std::vector<Ref>& items(Ref ref) { return pickle_.sequences[node(ref).items]; }

  // Stack and memo.

  // The value is made by the bytes from the first of what it was made of on.
  void push(Ref ref) {
    stack_.push_back(ref);
    begins_.push_back(begin_);
  }

  // The values down to the last mark, or to the bottom, are what an opcode may take.
  Ref pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back().height)) {
      fail(cat("its pickle takes a value where there is none", where()));
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
    if (marks_.empty()) fail(cat("its pickle takes a mark where there is none", where()));
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
    if (index >= bytes_.size())
      fail(cat("its pickle fills entry ", index, " of its memo", where()));
    if (index >= memo_.size()) memo_.resize(static_cast<std::size_t>(index) + 1, Node::kNothing);
    memo_[static_cast<std::size_t>(index)] = top();
    if (trace_ != nullptr) trace_->fills.push_back({index, begin_, opcode_at_, at_});
    memo_count_ = std::max(memo_count_, static_cast<std::size_t>(index) + 1);
  }

  void get(std::uint64_t index) {
    if (index >= memo_.size() || memo_[static_cast<std::size_t>(index)] == Node::kNothing) {
      fail(cat("its pickle asks for entry ", index, " of its memo, which is empty", where()));
    }
    if (trace_ != nullptr) trace_->uses.push_back({index, opcode_at_});
    push(memo_[static_cast<std::size_t>(index)]);
  }

  // Values in text.

  std::int64_t decimal(std::string_view line) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (line.size() > kMostDigits || error != std::errc() || end != line.data() + line.size()) {
      fail(cat("its pickle has '", escape(line.substr(0, 40)),
               "' where a decimal number of 64 bits is needed", where()));
    }
    return value;
  }

  std::uint64_t memo_index(std::string_view line) {
    const std::int64_t value = decimal(line);
    if (value < 0) fail(cat("its pickle has a negative memo index", where()));
    return static_cast<std::uint64_t>(value);
  }

  Ref big_number(std::string_view bytes) {
    if (bytes.size() > 8) return add_text(Kind::kBigInt, bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    if (!bytes.empty() && bytes.size() < 8 &&
        (static_cast<unsigned char>(bytes.back()) & 0x80) != 0) {
      value |= ~std::uint64_t{0} << (8 * bytes.size());
    }
    return add_int(static_cast<std::int64_t>(value));
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
      out += static_cast<char>(0xf0 | (code >> 18 & 7));
      out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
      out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
  }

  std::uint32_t hexadecimal(std::string_view digits, std::size_t count) {
    std::uint32_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + std::min(count, digits.size()), value, 16);
    if (digits.size() < count || error != std::errc() || end != digits.data() + count) {
      fail(cat("its pickle has a malformed escape in a text", where()));
    }
    return value;
  }

  // Protocol 0: characters of one byte, others as \uXXXX or \UXXXXXXXX.
  std::string raw_unicode(std::string_view line) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool escaped = line[i] == '\\' && i + 1 < line.size();
      if (escaped && (line[i + 1] == 'u' || line[i + 1] == 'U')) {
        const std::size_t count = line[i + 1] == 'u' ? 4 : 8;
        append_utf8(out, hexadecimal(line.substr(i + 2), count) & 0x1fffff);
        i += 1 + count;
      } else {
        append_utf8(out, static_cast<unsigned char>(line[i]));
      }
    }
    return out;
  }

  // Protocol 0: a text as Python prints it, in quotes.
  std::string unquoted(std::string_view line) {
    if (line.size() < 2 || line.front() != line.back() || (line[0] != '\'' && line[0] != '"')) {
      fail(cat("its pickle has a text without quotes", where()));
    }
    line = line.substr(1, line.size() - 2);
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '\\') {
        out += line[i];
        continue;
      }
      if (++i == line.size()) fail(cat("its pickle has a malformed escape in a text", where()));
      const char c = line[i];
      if (c == 'x') {
        out += static_cast<char>(hexadecimal(line.substr(i + 1), 2));
        i += 2;
      } else {
        out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      }
    }
    return out;
  }

  double real(std::string_view line) {
    double value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || end != line.data() + line.size()) {
      fail(cat("its pickle has '", escape(line.substr(0, 40)), "' where a number is needed",
               where()));
    }
    return value;
  }

  // What opcodes do.

  Ref add_global(std::string_view module, std::string_view name) {
    const Global global = find_global(module, name);
    pickle_.globals.push_back(global);
    pickle_.texts.push_back(cat(module, ".", name));
    return add({.kind = Kind::kGlobal,
                .number = static_cast<std::int64_t>(pickle_.globals.size() - 1),
                .text = pickle_.texts.back()});
  }

  Ref call(Ref callee, Ref arguments) {
    if (node(callee).kind != Kind::kGlobal) {
      fail(cat("its pickle calls a value that is no class and no function", where()));
    }
    if (node(arguments).kind != Kind::kTuple) {
      fail(cat("its pickle calls ", node(callee).text, " with no tuple of arguments", where()));
    }
    switch (pickle_.globals[static_cast<std::size_t>(node(callee).number)].meaning) {
      case Meaning::kDict:
        return make_dict(arguments);
      case Meaning::kList:
        return add_sequence(Kind::kList, {});
      case Meaning::kSet: {
        std::vector<Ref> members;
        if (!items(arguments).empty()) {
          const Node source = node(items(arguments)[0]);
          const bool is_sequence = source.kind == Kind::kList || source.kind == Kind::kTuple;
          if (is_sequence) members = pickle_.sequences[source.items];
        }
        return add_sequence(Kind::kSet, std::move(members));
      }
      case Meaning::kStorage:
      case Meaning::kUntypedStorage:
      case Meaning::kDType:
      case Meaning::kTensor:
      case Meaning::kTensorOfDType:
      case Meaning::kWrapped:
      case Meaning::kWrappedCall:
      case Meaning::kQuantisedTensor:
      case Meaning::kSparseTensor:
      case Meaning::kSize:
      case Meaning::kModule:
      case Meaning::kScriptClass:
      case Meaning::kInert:
        break;
    }
    return add({.kind = Kind::kCall, .callee = callee, .arguments = arguments});
  }

  // OrderedDict() and defaultdict(class) are empty; OrderedDict([(key, value), …]), which protocol
  // 0 and 1 write, and OrderedDict(dict) are not.
  Ref make_dict(Ref arguments) {
    std::vector<Ref> pairs;
    for (const Ref argument : items(arguments)) {
      const Node source = node(argument);
      if (source.kind == Kind::kDict) {
        pairs = pickle_.sequences[source.items];
      } else if (source.kind == Kind::kList || source.kind == Kind::kTuple) {
        for (const Ref item : pickle_.sequences[source.items]) {
          const Node pair = node(item);
          if ((pair.kind != Kind::kList && pair.kind != Kind::kTuple) ||
              pickle_.sequences[pair.items].size() != 2) {
            fail(cat("its pickle makes a dict of what are not pairs", where()));
          }
          pairs.push_back(pickle_.sequences[pair.items][0]);
          pairs.push_back(pickle_.sequences[pair.items][1]);
        }
      }
    }
    return add_sequence(Kind::kDict, std::move(pairs));
  }

  void set_items(const std::vector<Ref>& pairs) {
    const Ref target = top();
    if (node(target).kind != Kind::kDict) {
      fail(cat("its pickle sets items of a value that is no dict", where()));
    }
    if (pairs.size() % 2 != 0) fail(cat("its pickle sets a key without a value", where()));
    if (trace_ != nullptr) trace_pairs(node(target).items, pairs.size());
    items(target).insert(items(target).end(), pairs.begin(), pairs.end());
  }

  // `count` keys and values at taken_begins_ are about to be appended to that sequence.
  void trace_pairs(std::uint32_t sequence, std::size_t count) {
    const std::size_t size = pickle_.sequences[sequence].size();
    for (std::size_t i = 0; i < count; i += 2) {
      const std::size_t end = i + 2 < count ? taken_begins_[i + 2] : opcode_at_;
      trace_->pairs.push_back({sequence, size + i, taken_begins_[i], taken_begins_[i + 1], end,
                               bytes_[opcode_at_] == 's'});
    }
  }

  void append(const std::vector<Ref>& values, Kind kind) {
    const Ref target = top();
    if (node(target).kind != kind) {
      fail(cat("its pickle appends to a value that is no ", kind == Kind::kList ? "list" : "set",
               where()));
    }
    items(target).insert(items(target).end(), values.begin(), values.end());
  }

  void build() {
    const Ref state = pop();
    const Ref target = top();
    if (node(target).kind != Kind::kCall && node(target).kind != Kind::kDict) {
      fail(cat("its pickle gives a state to a value that has none", where()));
    }
    node(target).state = state;
  }

  const Node& text_node(Ref ref, std::string_view what) {
    if (node(ref).kind != Kind::kText) fail(cat(what, " is no text", where()));
    return node(ref);
  }

  // ("storage", class, key, device, number of elements), in old files with a view behind; or
  // ("module", class, file, source), which stands for the class.
  Ref load_persistent(Ref id) {
    constexpr std::string_view kWhat = "an item of a storage's name in the pickle";
    if (node(id).kind != Kind::kTuple || items(id).empty()) {
      fail(cat("its pickle names a storage by what is no tuple", where()));
    }
    const std::vector<Ref> parts = items(id);
    const std::string_view kind = text_node(parts[0], kWhat).text;
    if (kind == "module" && parts.size() == 4 && node(parts[1]).kind == Kind::kGlobal)
      return parts[1];
    if (kind != "storage" || parts.size() < 5 || parts.size() > 6) {
      fail(cat("its pickle has a persistent id '", escape(kind), "' of ", parts.size(),
               " items; 'storage' with 5 is known", where()));
    }
    const Node& type = node(parts[1]);
    if (type.kind != Kind::kGlobal) fail(cat("a storage's class in the pickle is none", where()));
    const Global global = pickle_.globals[static_cast<std::size_t>(type.number)];
    if (global.meaning != Meaning::kStorage && global.meaning != Meaning::kUntypedStorage) {
      fail(cat(type.text, " in the pickle is no class of storages", where()));
    }
    const std::string_view key = text_node(parts[2], kWhat).text;
    const Node& count = node(parts[4]);
    if (count.kind != Kind::kInt || count.number < 0) {
      fail(cat("storage ", escape(key), " has no number of elements", where()));
    }
    std::int64_t first = 0;  // where a view into the storage begins
    if (parts.size() == 6 && node(parts[5]).kind == Kind::kTuple) {
      const std::vector<Ref>& view = items(parts[5]);
      if (view.size() != 3 || node(view[1]).kind != Kind::kInt || node(view[1]).number < 0) {
        fail(cat("storage ", escape(key), " has a malformed view", where()));
      }
      first = node(view[1]).number;
    }
    const auto [it, is_new] = storages_.try_emplace(std::string(key), pickle_.storages.size());
    if (is_new) {
      pickle_.storages.push_back({std::string(key), global, count.number});
    } else {
      const Storage& known = pickle_.storages[it->second];
      if (known.count != count.number || known.type.dtype != global.dtype ||
          known.type.native != global.native) {
        fail(cat("storage ", escape(key), " is described twice, and not alike", where()));
      }
    }
    return add(
        {.kind = Kind::kStorage, .number = static_cast<std::int64_t>(it->second), .first = first});
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
        push(none_);
        break;
      case 0x88:
        push(true_);
        break;
      case 0x89:
        push(false_);
        break;
      case 'I': {
        const std::string_view line = take_line();
        push(line == "01" ? true_ : line == "00" ? false_ : add_int(decimal(line)));
        break;
      }
      case 'L': {
        std::string_view line = take_line();
        if (line.ends_with('L')) line.remove_suffix(1);
        push(add_int(decimal(line)));
        break;
      }
      case 'J':
        push(add_int(std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(take_number(4)))));
        break;
      case 'K':
        push(add_int(static_cast<std::int64_t>(take_number(1))));
        break;
      case 'M':
        push(add_int(static_cast<std::int64_t>(take_number(2))));
        break;
      case 0x8a:
        push(big_number(take(take_number(1))));
        break;
      case 0x8b: {
        const auto size = std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(take_number(4)));
        if (size < 0) fail(cat("its pickle has a number of ", size, " bytes", where()));
        push(big_number(take(static_cast<std::uint64_t>(size))));
        break;
      }
      case 'F':
        push(add({.kind = Kind::kFloat, .real = real(take_line())}));
        break;
      case 'G': {
        std::uint64_t bits = 0;
        for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
        push(add({.kind = Kind::kFloat, .real = std::bit_cast<double>(bits)}));
        break;
      }
      case 'S':
        push(add_owned(Kind::kText, unquoted(take_line())));
        break;
      case 'V':
        push(add_owned(Kind::kText, raw_unicode(take_line())));
        break;
      case 'T':
      case 'X':
        push(add_text(Kind::kText, take(take_number(4))));
        break;
      case 'U':
      case 0x8c:
        push(add_text(Kind::kText, take(take_number(1))));
        break;
      case 0x8d:
        push(add_text(Kind::kText, take(take_number(8))));
        break;
      case 'C':
        push(add_text(Kind::kBytes, take(take_number(1))));
        break;
      case 'B':
        push(add_text(Kind::kBytes, take(take_number(4))));
        break;
      case 0x8e:
      case 0x96:
        push(add_text(Kind::kBytes, take(take_number(8))));
        break;
      case ')':
        push(add_sequence(Kind::kTuple, {}));
        break;
      case ']':
        push(add_sequence(Kind::kList, {}));
        break;
      case '}':
        push(add_sequence(Kind::kDict, {}));
        break;
      case 0x8f:
        push(add_sequence(Kind::kSet, {}));
        break;
      case 't':
        push(add_sequence(Kind::kTuple, pop_to_mark()));
        break;
      case 'l':
        push(add_sequence(Kind::kList, pop_to_mark()));
        break;
      case 0x91:
        push(add_sequence(Kind::kSet, pop_to_mark()));
        break;
      case 'd': {
        std::vector<Ref> pairs = pop_to_mark();
        if (pairs.size() % 2 != 0) fail(cat("its pickle sets a key without a value", where()));
        push(add_sequence(Kind::kDict, std::move(pairs)));
        break;
      }
      case 0x85:
      case 0x86:
      case 0x87: {
        std::vector<Ref> parts(static_cast<std::size_t>(static_cast<unsigned char>(opcode) - 0x84));
        for (std::size_t i = parts.size(); i-- > 0;) parts[i] = pop();
        push(add_sequence(Kind::kTuple, std::move(parts)));
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
        push(add_global(module, take_line()));
        break;
      }
      case 0x93: {
        const Ref name = pop();
        const Ref module = pop();
        constexpr std::string_view kWhat = "a part of a class's name in the pickle";
        push(add_global(text_node(module, kWhat).text, text_node(name, kWhat).text));
        break;
      }
      case 'R': {
        const Ref arguments = pop();
        push(call(pop(), arguments));
        break;
      }
      case 0x81: {  // NEWOBJ
        const Ref arguments = pop();
        push(call(pop(), arguments));
        break;
      }
      case 0x92: {  // NEWOBJ_EX
        const Ref named = pop();
        const Ref arguments = pop();
        if (node(named).kind != Kind::kDict || !items(named).empty()) {
          fail(cat("its pickle makes an object with named arguments", where()));
        }
        push(call(pop(), arguments));
        break;
      }
      case 'i': {  // INST
        const std::string_view module = take_line();
        const Ref callee = add_global(module, take_line());
        push(call(callee, add_sequence(Kind::kTuple, pop_to_mark())));
        break;
      }
      case 'o': {  // OBJ
        std::vector<Ref> parts = pop_to_mark();
        if (parts.empty()) fail(cat("its pickle makes an object of no class", where()));
        const Ref callee = parts.front();
        parts.erase(parts.begin());
        push(call(callee, add_sequence(Kind::kTuple, std::move(parts))));
        break;
      }
      case 'b':
        build();
        break;
      case 'Q':
        push(load_persistent(pop()));
        break;
      case 'P':
        fail(cat("its pickle names a storage by a line of text, which PyTorch does not", where()));
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
        fail(cat("its pickle has the opcode ", to_hex({&opcode, 1}), ", which no protocol has",
                 where()));
    }
  }

  Pickle stop() {
    if (!marks_.empty()) fail(cat("its pickle ends inside ", count_of(marks_.size(), "mark")));
    if (stack_.size() != 1) {
      fail(cat("its pickle ends with ", count_of(stack_.size(), "value"), "; one is needed"));
    }
    pickle_.root = stack_[0];
    pickle_.size = at_;
    return std::move(pickle_);
  }

  std::string_view bytes_;
  PickleTrace* trace_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  Pickle pickle_;
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
  std::unordered_map<std::string, std::size_t> storages_;
  Ref none_ = 0;
  Ref false_ = 0;
  Ref true_ = 0;
  std::array<Ref, 256> small_{};
};

}  // namespace

Pickle read_pickle(ByteView bytes, PickleTrace* trace) { return Machine(bytes, trace).run(); }

}  // namespace ckpt::torch
