#include "formats/h5parse/storage.h"

#include "formats/h5parse/chunks.h"
#include "formats/h5parse/global_heap.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Storage;

// Throws unless so many bytes hold all elements.
void check_size(const Messages& dataset, std::uint64_t stored) {
  const std::uint64_t needed = dataset.space->bytes(dataset.type->size);
  if (stored >= needed) return;
  dataset.header.view.fail("its elements need ",
                           needed == kUndefined ? "2^63 or more" : cat(needed), " bytes, ", stored,
                           " are stored");
}

void read_contiguous(const Context& context, const Messages& dataset, Storage& storage) {
  const Layout& layout = *dataset.layout;
  if (dataset.is_external) {
    storage.kind = Storage::Kind::kExternal;
    storage.files = dataset.external_files;
  } else if (layout.address != kUndefined) {
    storage.kind = Storage::Kind::kContiguous;
    storage.offset = context.file.base() + layout.address;
    storage.bytes =
        layout.size != kUndefined ? layout.size : dataset.space->bytes(dataset.type->size);
    check_size(dataset, storage.bytes);
    if (storage.bytes > 0) context.file.check("the data", layout.address, storage.bytes);
  }
}

// Section VII.F (virtual datasets): an object of a global heap.
//
//      0  version 0, entries (length)
//         for each: file NUL, dataset NUL, two selections
// The first file's name is enough to tell where it leads.
void read_virtual(const Context& context, const Layout& layout, Storage& storage) {
  storage.kind = Storage::Kind::kVirtual;
  if (layout.address == kUndefined) return;
  GlobalHeap heap(context);
  View view("virtual dataset", layout.address, heap.object(layout.address, layout.virtual_index),
            context.file.sizes());
  view.version(0, 0);
  if (view.length() > 0) storage.files.emplace_back(view.text());
}

}  // namespace

Storage read_storage(const Context& context, const Messages& dataset) {
  const View& header = dataset.header.view;
  if (!dataset.space) header.fail("a dataset without a dataspace");
  if (!dataset.type) header.fail("a dataset without a datatype");
  if (!dataset.layout) header.fail("a dataset without a layout");
  if (dataset.fill && !dataset.fill->empty()) {
    header.expect("the size of its fill value", dataset.fill->size(), dataset.type->size);
  }
  const Layout& layout = *dataset.layout;
  Storage storage;
  switch (layout.kind) {
    case Layout::Kind::kCompact:
      storage.kind = Storage::Kind::kCompact;
      storage.bytes = layout.compact.size();
      check_size(dataset, storage.bytes);
      break;
    case Layout::Kind::kContiguous:
      read_contiguous(context, dataset, storage);
      break;
    case Layout::Kind::kChunked:
      storage.kind = Storage::Kind::kChunked;
      storage.chunk.assign(layout.chunk.begin(), layout.chunk.end());
      storage.filters = dataset.filters;
      storage.chunks = read_chunks(context, dataset);
      for (const auto& chunk : storage.chunks) storage.bytes += chunk.place.bytes;
      break;
    case Layout::Kind::kVirtual:
      read_virtual(context, layout, storage);
      break;
  }
  return storage;
}

}  // namespace ckpt::h5parse
