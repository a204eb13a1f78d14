#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ckpt::tf {

// The key under which an object-based checkpoint (TensorFlow 2) keeps its graph of objects.
inline constexpr std::string_view kObjectGraphKey = "_CHECKPOINTABLE_OBJECT_GRAPH";

// What the graph says of a tensor.
struct TensorObject {
  std::string full_name;           // the name in the graph of operations; may be empty
  std::vector<std::string> paths;  // of its object: by the shortest way, then by its other parents
};

// A TrackableObjectGraph (protobuf/trackable_object_graph.proto) as names for tensors.
struct ObjectGraph {
  std::size_t nodes = 0;
  std::map<std::string, TensorObject, std::less<>> tensors;  // by checkpoint key
  std::vector<std::string> oddities;                         // a sentence each
};

// Decodes the graph. A node's path is that of the first child link on a shortest way from the root;
// cycles, and nodes reached from many parents, are ordinary. Links to nodes that are not there are
// oddities. Throws Error(kCorrupt) where the bytes are no such graph.
ObjectGraph decode_object_graph(std::string_view bytes);

// The graph with other checkpoint keys, all else as it was: order, unknown fields, full names.
// `rename` gives the new key of a tensor, or nothing where it keeps its own.
using Rename = std::function<std::optional<std::string>(std::string_view)>;
std::string rename_in_object_graph(std::string_view bytes, const Rename& rename);

}  // namespace ckpt::tf
