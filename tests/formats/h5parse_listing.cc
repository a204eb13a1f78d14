#include "formats/h5parse_listing.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "core/error.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/text.h"
#include "formats/h5parse/parsed_source.h"
#include "formats/hdf5/walk.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr std::uint64_t kReadAtMost = std::uint64_t{64} << 20U;

// One line for each thing in the file, sorted by path, by h5py's low-level interface.
constexpr const char* kScript = R"py(
import sys, zlib, struct
import h5py, numpy as np
from h5py import h5, h5a, h5d, h5g, h5l, h5o, h5s, h5t, h5p, h5f

CLASSES = ['int', 'float', 'time', 'string', 'bitfield', 'opaque', 'compound', 'reference', 'enum',
           'vlen', 'array']
ORDER = {h5t.ORDER_LE: '<', h5t.ORDER_BE: '>'}
hx = lambda b: (b if isinstance(b, bytes) else b.encode('utf-8', 'surrogateescape')).hex()

def describe(t):
    c, n = t.get_class(), t.get_size()
    # libhdf5 tells the sizes that variable-length elements have in memory
    s = CLASSES[c] + ('' if has_vlen(t) else str(n))
    if c in (h5t.INTEGER, h5t.FLOAT, h5t.BITFIELD):
        s += ORDER.get(t.get_order(), '?')
        if c != h5t.BITFIELD: s += '%d@%d' % (t.get_precision(), t.get_offset())
    if c == h5t.INTEGER: s += 's' if t.get_sign() == h5t.SGN_2 else 'u'
    if c == h5t.FLOAT: s += str((*t.get_fields(), t.get_ebias())).replace(' ', '')
    if c == h5t.STRING: s += 'v' if t.is_variable_str() else 's' if t.get_strpad() == h5t.STR_SPACEPAD else 'n'
    if c == h5t.OPAQUE: s += hx(t.get_tag())
    if c == h5t.COMPOUND:
        s += '{' + ','.join('%s@%d:%s' % (hx(t.get_member_name(i)), 0 if has_vlen(t) else t.get_member_offset(i),
             describe(t.get_member_type(i))) for i in range(t.get_nmembers())) + '}'
    if c == h5t.ENUM:
        s += '{' + ','.join('%s=%d' % (hx(t.get_member_name(i)), t.get_member_value(i))
             for i in range(t.get_nmembers())) + '}' + describe(t.get_super())
    if c in (h5t.VLEN,): s += '(' + describe(t.get_super()) + ')'
    if c == h5t.ARRAY: s += str(list(t.get_array_dims())).replace(' ', '') + describe(t.get_super())
    return s

def has_vlen(t):
    c = t.get_class()
    if c == h5t.VLEN or c == h5t.STRING and t.is_variable_str(): return True
    if c == h5t.COMPOUND: return any(has_vlen(t.get_member_type(i)) for i in range(t.get_nmembers()))
    return c == h5t.ARRAY and has_vlen(t.get_super())

def texts(values):
    crc = 0
    for v in values.reshape(-1):
        v = b'' if v is None or isinstance(v, int) and v == 0 else v
        if isinstance(v, str): v = v.encode('utf-8', 'surrogateescape')
        crc = zlib.crc32(bytes(v).split(b'\0')[0] + b'\n', crc)
    return '%08x' % crc

def content(read, t, space, is_attribute):
    kind = space.get_simple_extent_type()
    if kind == h5s.NULL: return 'null -'
    shape = space.shape
    words = str(list(shape)).replace(' ', '')
    count = 1
    for n in shape: count *= n
    if count == 0 or count * t.get_size() > 64 << 20: return words + ' -'
    if is_attribute and t.get_class() == h5t.STRING and t.is_variable_str():
        a = np.empty(shape, dtype=t.dtype); read(a, None)
        return words + ' ' + texts(a)
    if has_vlen(t): return words + ' -'
    size = t.get_size()
    a = np.zeros(shape, dtype='V%d' % size); read(a, t)
    raw = a.tobytes()
    if is_attribute and t.get_class() == h5t.STRING:
        crc = 0
        for i in range(0, len(raw), size):
            v = raw[i:i + size]
            v = v.rstrip(b' ') if t.get_strpad() == h5t.STR_SPACEPAD else v.split(b'\0')[0]
            crc = zlib.crc32(v + b'\n', crc)
        return words + ' %08x' % crc
    return words + ' %08x' % zlib.crc32(raw)

def attributes(o, path, out):
    names = []
    h5a.iterate(o, lambda n: names.append(n) or None, index_type=h5.INDEX_NAME)
    for name in sorted(n if isinstance(n, bytes) else n.encode('utf-8', 'surrogateescape') for n in names):
        a = h5a.open(o, name)
        t = a.get_type()
        read = lambda arr, mtype, a=a: a.read(arr, mtype=mtype) if mtype is not None else a.read(arr)
        out.append('attribute %s %s %s %s' % (hx(path), hx(name), describe(t), content(read, t, a.get_space(), True)))

def storage_is_elsewhere(d):
    p = d.get_create_plist()
    return p.get_layout() == 3 or p.get_layout() == h5d.CONTIGUOUS and p.get_external_count() > 0

def visit(o, path, seen, out):
    stack = [(o, path)]
    while stack:
        o, path = stack.pop()
        address = h5o.get_info(o).addr
        if address in seen: continue
        seen.add(address)
        attributes(o, path, out)
        if isinstance(o, h5d.DatasetID):
            t = o.get_type()
            read = lambda arr, mtype: o.read(h5s.ALL, h5s.ALL, arr, mtype=mtype) if mtype is not None \
                else o.read(h5s.ALL, h5s.ALL, arr)
            if storage_is_elsewhere(o): data = str(list(o.shape)).replace(' ', '') + ' -'
            else: data = content(read, t, o.get_space(), False)
            out.append('dataset %s %s %s' % (hx(path), describe(t), data))
        elif isinstance(o, h5t.TypeID):
            out.append('type %s' % hx(path))
        else:
            out.append('group %s' % hx(path))
            names = []
            o.links.iterate(lambda n: names.append(n) or None)
            children = []
            for n in sorted(names):
                p = path + b'/' + n if path else n
                if b'/' in n: continue
                kind = o.links.get_info(n).type
                if kind == h5l.TYPE_HARD: children.append((h5o.open(o, n), p))
                elif kind == h5l.TYPE_SOFT: out.append('link %s soft %s' % (hx(p), hx(o.links.get_val(n))))
                elif kind == h5l.TYPE_EXTERNAL:
                    f, v = o.links.get_val(n)
                    out.append('link %s external %s' % (hx(p), hx(f) + ':' + hx(v)))
                else: out.append('link %s other' % hx(p))
            stack.extend(reversed(children))

for name in open(sys.argv[1], 'rb').read().split(b'\n'):
    if not name: continue
    out = []
    try:
        f = h5f.open(name, h5f.ACC_RDONLY)
        visit(h5g.open(f, b'/'), b'', set(), out)
    except Exception as e:
        out = ['error']
    sys.stdout.write('\n'.join(sorted(out)) + '\n\f\n')
)py";

std::string hex(std::string_view text) { return to_hex(text); }

std::string words_of(const std::vector<std::uint64_t>& extents) {
  std::vector<std::string> words;
  for (const auto extent : extents) words.push_back(cat(extent));
  return cat("[", join(words, ","), "]");
}

std::string describe_type(const hdf5::Datatype& type) {
  using Class = hdf5::Datatype::Class;
  static const std::map<Class, std::string> kNames{
      {Class::kInteger, "int"},       {Class::kFloat, "float"},
      {Class::kTime, "time"},         {Class::kString, "string"},
      {Class::kBitfield, "bitfield"}, {Class::kOpaque, "opaque"},
      {Class::kCompound, "compound"}, {Class::kReference, "reference"},
      {Class::kEnum, "enum"},         {Class::kVariableLength, "vlen"},
      {Class::kArray, "array"},       {Class::kUnknown, "unknown"}};
  const bool is_fixed = !has_variable_length(type);
  std::string out = kNames.at(type.klass);
  if (is_fixed) out += cat(type.size);
  if (type.klass == Class::kInteger || type.klass == Class::kFloat ||
      type.klass == Class::kBitfield) {
    out += cat(type.odd_order ? "?" : type.big_endian ? ">" : "<", "");
    if (type.klass != Class::kBitfield) out += cat(type.precision, "@", type.bit_offset);
  }
  if (type.klass == Class::kInteger) out += type.is_signed ? "s" : "u";
  if (type.klass == Class::kFloat) {
    const auto& f = type.fields;
    out += cat("(", f.sign, ",", f.exponent, ",", f.exponent_size, ",", f.mantissa, ",",
               f.mantissa_size, ",", f.bias, ")");
  }
  if (type.klass == Class::kString)
    out += type.variable_string ? "v" : type.space_padded ? "s" : "n";
  if (type.klass == Class::kOpaque) out += hex(type.tag);
  std::vector<std::string> members;
  for (const auto& member : type.members) {
    members.push_back(type.klass == Class::kCompound ? cat(hex(member.name), "@", member.offset,
                                                           ":", describe_type(member.type))
                                                     : cat(hex(member.name), "=", member.value));
  }
  if (type.klass == Class::kCompound || type.klass == Class::kEnum) {
    out += cat("{", join(members, ","), "}");
  }
  if (type.klass == Class::kArray) out += words_of(type.array);
  if (type.klass == Class::kVariableLength) out += cat("(", describe_type(type.base.front()), ")");
  if (type.klass == Class::kArray || type.klass == Class::kEnum) {
    out += describe_type(type.base.front());
  }
  return out;
}

std::uint32_t crc_of(ByteView bytes, std::uint32_t start = 0) {
  return static_cast<std::uint32_t>(::crc32(start, reinterpret_cast<const Bytef*>(bytes.data()),
                                            static_cast<uInt>(bytes.size())));
}

std::string digits(std::uint32_t crc) {
  const std::array<unsigned char, 4> bytes{
      static_cast<unsigned char>(crc >> 24U), static_cast<unsigned char>(crc >> 16U & 255U),
      static_cast<unsigned char>(crc >> 8U & 255U), static_cast<unsigned char>(crc & 255U)};
  return to_hex(as_text(as_byte_view(bytes)));
}

std::string crc_of(const std::vector<std::string>& texts) {
  std::uint32_t crc = 0;
  for (const auto& text : texts) {
    crc = crc_of(as_byte_view(text), crc);
    crc = crc_of(as_byte_view("\n"), crc);
  }
  return digits(crc);
}

class Lister {
 public:
  explicit Lister(const RandomFile& file) : source_(file) {}

  std::string run() {
    visit(source_.root(), "");
    while (!stack_.empty()) {
      const auto [id, path] = std::move(stack_.back());
      stack_.pop_back();
      visit(id, path);
    }
    std::ranges::sort(lines_);
    return join(lines_, "\n");
  }

 private:
  void visit(hdf5::ObjectId id, const std::string& path) {
    if (!seen_.try_emplace(id, path).second) return;
    const hdf5::Object object = source_.open(id);
    list_attributes(id, path);
    switch (object.kind) {
      case hdf5::Object::Kind::kDataset:
        list_dataset(id, path, object.dataset);
        break;
      case hdf5::Object::Kind::kDatatype:
        lines_.push_back(cat("type ", hex(path)));
        break;
      case hdf5::Object::Kind::kGroup:
        list_group(path, object.links);
        break;
    }
  }

  void list_group(const std::string& path, const std::vector<hdf5::Link>& links) {
    lines_.push_back(cat("group ", hex(path)));
    for (auto link = links.rbegin(); link != links.rend(); ++link) {
      if (link->name.find('/') != std::string::npos) continue;
      const std::string at = path.empty() ? link->name : cat(path, "/", link->name);
      switch (link->kind) {
        case hdf5::Link::Kind::kHard:
          stack_.emplace_back(link->object, at);
          break;
        case hdf5::Link::Kind::kSoft:
          lines_.push_back(cat("link ", hex(at), " soft ", hex(link->target)));
          break;
        case hdf5::Link::Kind::kExternal: {
          const auto parts = split(link->target, ":");
          lines_.push_back(
              cat("link ", hex(at), " external ", hex(parts.at(0)), ":", hex(parts.at(1))));
          break;
        }
        case hdf5::Link::Kind::kUserDefined:
          lines_.push_back(cat("link ", hex(at), " other"));
          break;
      }
    }
  }

  void list_dataset(hdf5::ObjectId id, const std::string& path, const hdf5::Dataset& dataset) {
    std::uint64_t count = dataset.is_null ? 0 : 1;
    for (const auto extent : dataset.extents) {
      if (__builtin_mul_overflow(count, extent, &count)) count = UINT64_MAX / 2;
    }
    std::uint64_t size = 0;
    if (__builtin_mul_overflow(count, dataset.type.size, &size)) size = UINT64_MAX;
    std::string crc = "-";
    const bool is_here = dataset.storage.kind != hdf5::Storage::Kind::kExternal &&
                         dataset.storage.kind != hdf5::Storage::Kind::kVirtual;
    if (is_here && count > 0 && size <= kReadAtMost) {
      const std::string raw = read_in_pieces(id, count, dataset.type.size);
      if (!has_variable_length(dataset.type)) crc = raw;
    }
    lines_.push_back(cat("dataset ", hex(path), " ", describe_type(dataset.type), " ",
                         dataset.is_null ? "null" : words_of(dataset.extents), " ", crc));
  }

  // In pieces of odd sizes, so that every way to cut a dataset into boxes is met.
  std::string read_in_pieces(hdf5::ObjectId id, std::uint64_t count, std::uint64_t size) {
    std::uint32_t crc = 0;
    std::uint64_t piece = 7;
    for (std::uint64_t first = 0; first < count; first += piece, piece = piece * 5 + 1) {
      piece = std::min(piece, count - first);
      Bytes bytes(static_cast<std::size_t>(piece * size));
      source_.read(id, first, piece, bytes);
      crc = crc_of(bytes, crc);
    }
    return digits(crc);
  }

  void list_attributes(hdf5::ObjectId id, const std::string& path) {
    for (const auto& name : source_.attribute_names(id)) {
      const auto attribute = source_.attribute(id, name);
      if (!attribute) throw std::logic_error("an attribute is named but not there");
      std::string crc = "-";
      if (!attribute->strings.empty()) crc = crc_of(attribute->strings);
      if (!attribute->bytes.empty()) crc = digits(crc_of(attribute->bytes));
      lines_.push_back(cat("attribute ", hex(path), " ", hex(name), " ",
                           describe_type(attribute->type), " ",
                           attribute->is_null ? "null" : words_of(attribute->extents), " ", crc));
    }
  }

  h5parse::ParsedSource source_;
  std::map<hdf5::ObjectId, std::string> seen_;
  std::vector<std::pair<hdf5::ObjectId, std::string>> stack_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string parser_listing(const std::string& path) {
  const auto file = open_file(path);
  return Lister(*file).run();
}

std::string parser_listing(const RandomFile& file) { return Lister(file).run(); }

std::vector<std::string> h5py_listings(const std::vector<std::string>& paths) {
  const TempDir dir;
  write_file(dir / "paths", join(paths, "\n"));
  const std::string out = run_python(kScript, {dir / "paths"});
  std::vector<std::string> listings;
  for (const auto piece : split(out, "\n\f\n")) listings.emplace_back(piece);
  listings.pop_back();
  if (listings.size() != paths.size()) throw std::runtime_error("h5py answered for fewer files");
  return listings;
}
