#include "formats/h5parse/group.h"

#include <algorithm>

#include "core/escape.h"
#include "core/text.h"
#include "formats/h5parse/btree1.h"
#include "formats/h5parse/btree2.h"
#include "formats/h5parse/dense.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/local_heap.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Link;

constexpr std::uint32_t kGroupTree = 0;
constexpr std::uint32_t kLinksByName = 5;  // types of version 2 B-trees
constexpr std::uint32_t kLinksByOrder = 6;
constexpr std::uint32_t kSoftLinkEntry = 2;  // cache type of a symbol table entry

void check_target(const Link& link, const View& view) {
  if (link.target.empty()) view.fail(cat("the soft link '", escape(link.name), "' has no target"));
}

// A group of the old form: a B-tree of symbol table nodes, names in a local heap.
class SymbolReader {
 public:
  SymbolReader(const Context& context, const SymbolTable& table)
      : context_(context), table_(table), heap_(context, table.heap) {}

  std::vector<Link> run() {
    const Btree1 tree{table_.tree, kGroupTree, context_.superblock.group_k,
                      context_.file.sizes().length};
    for_each_child(context_, tree, [&](const Btree1Child& child) { read_node(child); });
    context_.attempt([&] { heap_.check_all_read(); });
    return std::move(links_);
  }

 private:
  // Section III.B, a symbol table node.
  //
  //      0  "SNOD", version 1, 0, symbols (2)
  //      8  entries; the node has room for 2 × leaf K
  void read_node(const Btree1Child& child) {
    const Sizes sizes = context_.file.sizes();
    const std::uint64_t room = std::uint64_t{2} * context_.superblock.leaf_k;
    const std::uint64_t entry = 2 * sizes.offset + 24;
    context_.file.check("symbol table node", child.address, 8 + room * entry);
    Block head = context_.file.block("symbol table node", child.address, 8);
    head.view.signature("SNOD");
    head.view.version(1, 1);
    head.view.skip(1);
    const std::uint32_t count = head.view.u16();
    if (count > room) head.view.fail(cat("has ", count, " symbols, but room for ", room));
    Block block = context_.file.block("symbol table node", child.address + 8, count * entry);
    std::uint64_t last_name = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      View view = block.view.part("symbol table entry", entry);
      context_.attempt([&] { last_name = read_entry(view); });
    }
    // The key on the right is the last name; after links were removed, it may be a later one.
    View left = child.left;
    View right = child.right;
    heap_.check_offset(left.length());
    const std::uint64_t key = right.length();
    heap_.check_offset(key);
    if (count > 0 && !links_.empty() && key != last_name) check_key(key, head.view);
  }

  void check_key(std::uint64_t key, const View& node) {
    LocalHeap heap(context_, table_.heap);
    const std::string name = heap.text(key);
    if (name < links_.back().name) {
      node.fail(cat("its last name '", escape(links_.back().name), "' is behind its key '",
                    escape(name), "'"));
    }
    context_.note(cat("symbol table node at ", node.address(), ": its last name is '",
                      escape(links_.back().name), "', but its key is '", escape(name),
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
    if (cache_type > kSoftLinkEntry) {
      view.fail(cat("has the cache type ", cache_type, "; 0, 1 or 2 is possible"));
    }
    Link link;
    link.name = heap_.text(name);
    if (cache_type == kSoftLinkEntry) {
      link.kind = Link::Kind::kSoft;
      link.target = heap_.text(view.u32());
      check_target(link, view);
    } else {
      link.object = object;
      if (object == kUndefined) view.fail(cat("the link '", escape(link.name), "' leads nowhere"));
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
  std::vector<Link> links_;
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
  if (size > body.left()) body.fail(cat("a name of ", size, " bytes, ", body.left(), " are left"));
  Link link;
  link.name = as_text(body.take(static_cast<std::size_t>(size)));
  if (link.name.find('\0') != std::string::npos) {
    body.fail(cat("the name '", escape(link.name), "' has a NUL inside"));
  }
  if (type == 0) {
    link.object = body.offset();
    if (link.object == kUndefined)
      body.fail(cat("the link '", escape(link.name), "' leads nowhere"));
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
    link.kind = Link::Kind::kUserDefined;
    link.target = cat("type ", type);
    if (type < 64)
      body.fail(cat("the link '", escape(link.name), "' is of the reserved type ", type));
  }
  return link;
}

std::vector<Link> read_links(const Context& context, const Messages& group) {
  const std::uint64_t object = group.header.address;
  std::vector<Link> links = group.links;
  if (group.symbols) {
    context.claim("B-tree", group.symbols->tree, object);
    context.claim("local heap", group.symbols->heap, object);
    context.attempt([&] {
      std::vector<Link> symbols = SymbolReader(context, *group.symbols).run();
      std::ranges::move(symbols, std::back_inserter(links));
    });
  }
  if (group.dense_links && group.dense_links->heap != kUndefined) {
    const DenseKind kind{kLinksByName, kLinksByOrder};
    context.attempt([&] {
      for_each_dense(context, *group.dense_links, kind, object,
                     [&](View body, const DenseRecord& record) {
                       Link link = read_link(body);
                       check_hash(record, link.name, body);
                       links.push_back(std::move(link));
                     });
    });
  }
  if (!std::ranges::is_sorted(links, {}, &Link::name)) std::ranges::sort(links, {}, &Link::name);
  context.attempt([&] {
    if (!links.empty() && links.front().name.empty()) {
      throw Error(Errc::kCorrupt, cat("group at ", object, ": a link has no name"));
    }
    const auto twin = std::ranges::adjacent_find(links, {}, &Link::name);
    if (twin != links.end()) {
      throw Error(Errc::kCorrupt,
                  cat("group at ", object, ": two links are called '", escape(twin->name), "'"));
    }
  });
  return links;
}

}  // namespace ckpt::h5parse
