#include "formats/tf_bundle/object_graph.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/tf_bundle/protos.h"
#include "formats/tf_bundle/wire.h"

namespace ckpt::tf {
namespace {

using protozero::pbf_reader;
using protozero::tag_and_type;

constexpr std::size_t kMostPaths = 8;       // of one object
constexpr std::size_t kLongestPath = 4096;  // a longer one is left out

struct Child {
  std::uint32_t node = 0;
  std::string name;
};

struct Attribute {
  std::string full_name;
  std::string key;
};

struct Node {
  std::vector<Child> children;
  std::vector<Attribute> attributes;
  std::vector<std::string> paths;
};

Node decode_node(pbf_reader reader) {
  Node node;
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case tag_and_type(1, kBytes): {
        Child child;
        for (pbf_reader inner = reader.get_message(); inner.next();) {
          if (inner.tag_and_type() == tag_and_type(1, kVarint)) {
            child.node = inner.get_uint32();
          } else if (inner.tag_and_type() == tag_and_type(2, kBytes)) {
            child.name = inner.get_string();
          } else {
            inner.skip();
          }
        }
        node.children.push_back(std::move(child));
        break;
      }
      case tag_and_type(2, kBytes): {
        Attribute attribute;
        for (pbf_reader inner = reader.get_message(); inner.next();) {
          if (inner.tag_and_type() == tag_and_type(2, kBytes)) {
            attribute.full_name = inner.get_string();
          } else if (inner.tag_and_type() == tag_and_type(3, kBytes)) {
            attribute.key = inner.get_string();
          } else {
            inner.skip();
          }
        }
        node.attributes.push_back(std::move(attribute));
        break;
      }
      default:
        reader.skip();
    }
  }
  return node;
}

// Copies the fields of a message; `replace` may give another content for those of bytes.
std::string copy_message(
    std::string_view bytes,
    const std::function<std::optional<std::string>(std::uint32_t, std::string_view)>& replace) {
  std::string out;
  protozero::pbf_writer writer(out);
  pbf_reader reader(bytes.data(), bytes.size());
  const char* begin = bytes.data();
  const char* end = bytes.data() + bytes.size();
  while (reader.next()) {
    std::optional<std::string> other;
    const std::uint32_t tag = reader.tag();
    if (reader.wire_type() == kBytes) {
      const auto view = reader.get_view();
      other = replace(tag, {view.data(), view.size()});
    } else {
      reader.skip();
    }
    // A field's own bytes are those between the ends of two: kept to the bit, known or not.
    const char* next = end - reader.length();
    if (other) {
      writer.add_bytes(tag, *other);
    } else {
      out.append(begin, next);
    }
    begin = next;
  }
  return out;
}

}  // namespace

ObjectGraph decode_object_graph(std::string_view bytes) {
  std::vector<Node> nodes;
  decode_proto("the object graph", [&] {
    for (pbf_reader reader(bytes.data(), bytes.size()); reader.next();) {
      if (reader.tag_and_type() == tag_and_type(1, kBytes)) {
        nodes.push_back(decode_node(reader.get_message()));
      } else {
        reader.skip();
      }
    }
  });
  ObjectGraph graph;
  graph.nodes = nodes.size();
  if (nodes.empty()) return graph;

  std::size_t beyond = 0;
  std::vector<std::uint32_t> queue{0};
  std::vector<bool> reached(nodes.size());
  reached[0] = true;
  nodes[0].paths.emplace_back();
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::string parent = nodes[queue[i]].paths.front();
    for (const Child& child : nodes[queue[i]].children) {
      if (child.node >= nodes.size()) {
        ++beyond;
        continue;
      }
      auto& paths = nodes[child.node].paths;
      if (paths.size() < kMostPaths && parent.size() + child.name.size() < kLongestPath) {
        paths.push_back(parent.empty() ? child.name : cat(parent, "/", child.name));
      }
      if (reached[child.node] || paths.empty()) continue;
      reached[child.node] = true;
      queue.push_back(child.node);
    }
  }
  if (beyond > 0) {
    graph.oddities.push_back(cat("the object graph has ", count_of(beyond, "link"),
                                 " to objects beyond its ", nodes.size()));
  }
  for (const Node& node : nodes) {
    for (const Attribute& attribute : node.attributes) {
      TensorObject& object = graph.tensors[attribute.key];
      if (object.full_name.empty()) object.full_name = attribute.full_name;
      object.paths.insert(object.paths.end(), node.paths.begin(), node.paths.end());
    }
  }
  return graph;
}

std::string rename_in_object_graph(std::string_view bytes, const Rename& rename) {
  std::string out;
  const auto keep = std::optional<std::string>();
  decode_proto("the object graph", [&] {
    out = copy_message(bytes, [&](std::uint32_t field, std::string_view node) {
      if (field != 1) return keep;
      return std::optional(copy_message(node, [&](std::uint32_t part, std::string_view attribute) {
        if (part != 2) return keep;
        return std::optional(copy_message(attribute, [&](std::uint32_t tag, std::string_view key) {
          return tag == 3 ? rename(key) : keep;
        }));
      }));
    });
  });
  return out;
}

}  // namespace ckpt::tf
