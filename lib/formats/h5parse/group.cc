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

// Throws unless the link leads somewhere.
void check(const Link& link, const View& view) {
  const bool is_hard = link.kind == Link::Kind::kHard;
  if (is_hard ? link.object == kUndefined : link.target.empty()) {
    view.fail("the ", is_hard ? "" : "soft ", "link '", escape(link.name), "' leads nowhere");
  }
}

// A group of the old form: a B-tree of symbol table nodes, names in a local heap.
struct SymbolReader {
  const Context& context;
  const SymbolTable& table;
  std::vector<Link>& links;
  LocalHeap heap{context, table.heap};

  void run() {
    const Btree1 tree{table.tree, kGroupTree, context.superblock.group_k,
                      context.file.sizes().length};
    for_each_child(context, tree, [&](Btree1Child child) { read_node(child); });
    context.attempt([&] { heap.check_all_read(); });
  }

  // Section III.B, a symbol table node.
  //
  //      0  "SNOD", version 1, 0, symbols (2)
  //      8  entries; the node has room for 2 × leaf K
  void read_node(Btree1Child& child) {
    const Sizes sizes = context.file.sizes();
    const std::uint64_t room = 2 * context.superblock.leaf_k;
    const std::uint64_t entry = sizes.length + sizes.offset + 24;
    context.file.check("symbol table node", child.address, 8 + room * entry);
    View node = context.file.view("symbol table node", child.address, 8);
    node.signature("SNOD", 1);
    const auto [zero, count] = node.fields<1, 2>();
    node.within("the number of its symbols", count, 0, room);
    View entries = context.file.view("symbol table node", child.address + 8, count * entry);
    std::uint64_t last_name = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      View view = entries.part("symbol table entry", entry);
      context.attempt([&] { last_name = read_entry(view); });
    }
    // The key on the right is the last name; after links were removed, it may be a later one.
    heap.check_offset(child.left.length());
    const std::uint64_t key = child.right.length();
    heap.check_offset(key);
    if (count > 0 && !links.empty() && key != last_name) check_key(key, node);
  }

  void check_key(std::uint64_t key, const View& node) {
    const std::string_view name = heap.peek(key);
    const std::string last = escape(links.back().name);
    if (name < links.back().name) {
      node.fail("its last name '", last, "' is behind its key '", escape(name), "'");
    }
    context.note(cat("symbol table node at ", node.address(), ": its last name is '", last,
                     "', but its key is '", escape(name),
                     "': a link may be hidden, or was removed"));
  }

  // Section III.C, an entry. Gives the offset of its name.
  //
  //      0  offset of the name in the heap (libhdf5 makes it as wide as a length, not as an
  //         address), address of the object's header
  //     16  cache type (4), 0 (4), 16 bytes by cache type: for 2 the offset of a soft link's target
  std::uint64_t read_entry(View view) {
    const auto [name, object, cache_type, zero, target] = view.fields<kLength, kAddress, 4, 4, 4>();
    view.within("its cache type", cache_type, 0, kSoftLinkEntry);
    Link link;
    link.name = heap.text(name);
    if (cache_type == kSoftLinkEntry) {
      link.kind = Link::Kind::kSoft;
      link.target = heap.text(target);
    } else {
      link.object = object;
    }
    check(link, view);
    if (!links.empty() && link.name < links.back().name) {
      context.note(cat("symbol table at ", table.tree, ": '", escape(link.name),
                       "' stands behind '", escape(links.back().name),
                       "': programs that look it up may not find it"));
    }
    links.push_back(std::move(link));
    return name;
  }
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
  View data = type == 0 ? body : body.part("link target", body.u16());
  if (type == 0) {
    link.object = data.offset();
  } else if (type == 1) {
    link.kind = Link::Kind::kSoft;
    link.target = as_text(data.take(data.left()));
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
  check(link, data);
  return link;
}

std::vector<Link> read_links(const Context& context, Messages& group) {
  const std::uint64_t object = group.header.address;
  std::vector<Link> links = std::move(group.links);
  if (group.symbols) {
    const auto& cached = context.superblock.cached;
    if (object == context.superblock.root && cached && *cached != *group.symbols) {
      context.note(cat("the superblock's copy of the root group's place (B-tree at ", cached->tree,
                       ", heap at ", cached->heap, ") is not what the group says (",
                       group.symbols->tree, ", ", group.symbols->heap, ")"));
    }
    context.claims.add({"B-tree", group.symbols->tree, object});
    context.claims.add({"local heap", group.symbols->heap, object});
    context.attempt([&] { SymbolReader{context, *group.symbols, links}.run(); });
  }
  if (group.dense_links && group.dense_links->heap != kUndefined) {
    const auto take = [&](View body, bool /*shared*/, std::size_t left) -> std::string_view {
      if (links.empty()) links.reserve(left);
      return links.emplace_back(read_link(body)).name;
    };
    context.attempt(
        [&] { for_each_dense(context, *group.dense_links, kLinksByName, object, take); });
  }
  if (!std::ranges::is_sorted(links, {}, &Link::name)) std::ranges::sort(links, {}, &Link::name);
  return links;
}

}  // namespace ckpt::h5parse
