// Opens, lists and reads whatever bytes it is given with the HDF5 parser: strictly and in salvage
// mode. An Error is a good answer; a crash, a hang, a leak or a run out of memory is not.
//
//     cmake -B build-fuzz -D CKPT_FUZZ=ON -D CMAKE_CXX_COMPILER=clang++ && cmake --build build-fuzz
//     build-fuzz/tests/fuzz_h5parse -max_len=65536 -max_total_time=60 CORPUS
#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "formats/h5parse/parsed_source.h"

using namespace ckpt;

namespace {

constexpr std::uint64_t kReadAtMost = 1 << 16;  // elements of a dataset
constexpr std::size_t kObjects = 1000;

void read_dataset(const h5parse::ParsedSource& source, hdf5::ObjectId id,
                  const hdf5::Dataset& dataset) {
  std::uint64_t count = dataset.is_null ? 0 : 1;
  for (const auto extent : dataset.extents) {
    if (__builtin_mul_overflow(count, extent, &count)) return;
  }
  if (count == 0 || dataset.type.size > kReadAtMost || count > UINT64_MAX / dataset.type.size)
    return;
  const std::uint64_t piece = std::min(count, kReadAtMost / dataset.type.size);
  for (const std::uint64_t first : {std::uint64_t{0}, count - piece}) {
    try {
      Bytes bytes(piece * dataset.type.size);
      source.read(id, first, piece, bytes);
      if (dataset.type.klass == hdf5::Datatype::Class::kString) {
        (void)source.strings(id, first, piece);
      }
    } catch (const Error&) {
    }
  }
}

void visit(const h5parse::ParsedSource& source) {
  std::unordered_set<hdf5::ObjectId> seen;
  std::vector<hdf5::ObjectId> stack{source.root()};
  while (!stack.empty() && seen.size() < kObjects) {
    const hdf5::ObjectId id = stack.back();
    stack.pop_back();
    if (!seen.insert(id).second) continue;
    try {
      const hdf5::Object object = source.open(id);
      for (const auto& link : object.links) {
        if (link.kind == hdf5::Link::Kind::kHard) stack.push_back(link.object);
      }
      if (object.kind == hdf5::Object::Kind::kDataset) read_dataset(source, id, object.dataset);
    } catch (const Error&) {
    }
    try {
      for (const auto& name : source.attribute_names(id)) {
        try {
          (void)source.attribute(id, name);
        } catch (const Error&) {
        }
      }
    } catch (const Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const auto file = memory_file(Bytes(bytes, bytes + size));
  for (const auto mode : {h5parse::Mode::kStrict, h5parse::Mode::kSalvage}) {
    try {
      visit(h5parse::ParsedSource(*file, mode));
    } catch (const Error&) {
    }
  }
  return 0;
}
