#include "formats/h5parse/group.h"

#include <algorithm>

#include "core/escape.h"
#include "formats/h5parse/btree1.h"
#include "formats/h5parse/dense.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/local_heap.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Link;

constexpr std::uint32_t kGroupTree = 0;
constexpr std::uint32_t kSoftLinkEntry = 2;  // cache type of a symbol table entry

void check_target(const Link& link, const View& view) {
  if (link.target.empty()) view.fail("the soft link '", escape(link.name), "' has no target");
}

void check_object(const Link& link, const View& view) {
  if (link.object == kUndefined) view.fail("the link '", escape(link.name), "' leads nowhere");
}

// A group of the old form: a B-tree of symbol table nodes, names in a local heap.
class SymbolReader {
 public:
  SymbolReader(const Context& context, const SymbolTable& table, std::vector<Link>& links)
      : context_(context), table_(table), heap_(context, table.heap), links_(links) {}

  void run() {
    const Btree1 tree{table_.tree, kGroupTree, context_.superblock.group_k,
                      context_.file.sizes().length};
    for_each_child(context_, tree, [&](const Btree1Child& child) { read_node(child); });
    context_.attempt([&] { heap_.check_all_read(); });
  }

 private:
  // Section III.B, a symbol table node.
  //
  //      0  "SNOD", version 1, 0, symbols (2)
  //      8  entries; the node has room for 2 × leaf K
  void read_node(const Btree1Child& child) {
    const std::uint64_t room = std::uint64_t{2} * context_.superblock.leaf_k;
    const std::uint64_t entry = 2 * context_.file.sizes().offset + 24;
    context_.file.check("symbol table node", child.address, 8 + room * entry);
    View node = context_.file.view("symbol table node", child.address, 8);
    node.signature("SNOD", 1);
    node.skip(1);
    const std::uint32_t count = node.u16();
    node.within("the number of its symbols", count, 0, room);
    View entries = context_.file.view("symbol table node", child.address + 8, count * entry);
    std::uint64_t last_name = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      View view = entries.part("symbol table entry", entry);
      context_.attempt([&] { last_name = read_entry(view); });
    }
    // The key on the right is the last name; after links were removed, it may be a later one.
    View left = child.left;
    heap_.check_offset(left.length());
    View right = child.right;
    const std::uint64_t key = right.length();
    heap_.check_offset(key);
    if (count > 0 && !links_.empty() && key != last_name) check_key(key, node);
  }

  void check_key(std::uint64_t key, const View& node) {
    const std::string_view name = heap_.peek(key);
    const std::string last = escape(links_.back().name);
    if (name < links_.back().name) {
      node.fail("its last name '", last, "' is behind its key '", escape(name), "'");
    }
    context_.note(cat("symbol table node at ", node.address(), ": its last name is '", last,
                      "', but its key is '", escape(name),
                      "': a link may be hidden, or was removed"));
  }

  // Section III.C, an entry. Gives the offset of its name.
  //
  //      0  offset of the name in the heap, address of the object's header
  //     16  cache type (4), 0 (4), 16 bytes by cache type: for 2 the offset of a soft link's target
  std::uint64_t read_entry(View view) {
    const std::uint64_t name = view.offset();
    const std::uint64_t object = view.offset();
    const std::uint32_t cache_type = view.u32();
    view.skip(4);
    view.within("its cache type", cache_type, 0, kSoftLinkEntry);
    Link link;
    link.name = heap_.text(name);
    if (cache_type == kSoftLinkEntry) {
      link.kind = Link::Kind::kSoft;
      link.target = heap_.text(view.u32());
      check_target(link, view);
    } else {
      link.object = object;
      check_object(link, view);
    }
    if (!links_.empty() && link.name < links_.back().name) {
      context_.note(cat("symbol table at ", table_.tree, ": '", escape(link.name),
                        "' stands behind '", escape(links_.back().name),
                        "': programs that look it up may not find it"));
    }
    links_.push_back(std::move(link));
    return name;
  }

  const Context& context_;
  const SymbolTable& table_;
  LocalHeap heap_;
  std::vector<Link>& links_;
};

}  // namespace

// Section IV.A.2.g, a link.
//
//      0  version 1, flags; flag 3: type; flag 2: creation order (8); flag 4: character set
//         size of the name: a number of 1, 2, 4 or 8 bytes by flags 0 and 1; name
//         hard: address; soft: size (2), path; others: size (2), data; external: flags, file NUL,
//         path NUL
Link read_link(View body) {
  body.version(1, 1);
  const std::uint32_t flags = body.u8();
  const std::uint32_t type = (flags & 8U) != 0 ? body.u8() : 0;
  if ((flags & 4U) != 0) body.skip(8);
  if ((flags & 16U) != 0) body.skip(1);
  const std::uint64_t size = body.number(std::size_t{1} << (flags & 3U));
  Link link;
  link.name = as_text(body.take(size));
  if (link.name.find('\0') != std::string::npos) {
    body.fail("the name '", escape(link.name), "' has a NUL inside");
  }
  if (type == 0) {
    link.object = body.offset();
    check_object(link, body);
    return link;
  }
  View data = body.part("link target", body.u16());
  if (type == 1) {
    link.kind = Link::Kind::kSoft;
    link.target = as_text(data.take(data.left()));
    check_target(link, data);
  } else if (type == 64) {
    link.kind = Link::Kind::kExternal;
    data.skip(1);
    const std::string_view file = data.text();
    link.target = cat(file, ":", data.text());
  } else {
    if (type < 64) body.fail("the link '", escape(link.name), "' is of the reserved type ", type);
    link.kind = Link::Kind::kUserDefined;
    link.target = cat("type ", type);
  }
  return link;
}

std::vector<Link> read_links(const Context& context, Messages& group) {
  const std::uint64_t object = group.header.address;
  std::vector<Link> links = std::move(group.links);
  if (group.symbols) {
    context.claim("B-tree", group.symbols->tree, object);
    context.claim("local heap", group.symbols->heap, object);
    context.attempt([&] { SymbolReader(context, *group.symbols, links).run(); });
  }
  if (group.dense_links && group.dense_links->heap != kUndefined) {
    const auto take = [&](View body, bool /*is_shared*/) -> std::string_view {
      return links.emplace_back(read_link(body)).name;
    };
    context.attempt(
        [&] { for_each_dense(context, *group.dense_links, kLinksByName, object, take); });
  }
  if (!std::ranges::is_sorted(links, {}, &Link::name)) std::ranges::sort(links, {}, &Link::name);
  return links;
}

}  // namespace ckpt::h5parse
