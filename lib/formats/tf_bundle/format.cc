// TensorFlow's tensor bundle (core/util/tensor_bundle), the checkpoint of "version 2". A prefix P:
//
//   P.index                  a sorted table: "" → header; a variable's name → its entry: type,
//   shape,
//                            shard, offset, size, checksum; slices of partitioned variables under
//                            keys that begin with byte 0
//   P.data-00000-of-00002 …  the tensors' bytes, row-major, one after the other
//
// specs/tensor_bundle_format.md has it byte by byte.
#include "formats/tf_bundle/format.h"

#include "core/error.h"
#include "formats/tf_bundle/edit.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/paths.h"
#include "formats/tf_bundle/reader.h"
#include "formats/tf_bundle/table.h"
#include "formats/tf_bundle/writer.h"
#include "storage/intent.h"

namespace ckpt::tf {
namespace {

bool detect(const RandomFile& file) { return Table::has_magic(file) && !is_v1_table(file); }

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string& path,
                             const OpenOptions&) {
  return open_bundle(*file, path);
}

std::unique_ptr<Writer> create(const std::string& path, std::vector<VariableSpec> specs,
                               const CreateOptions& options) {
  return create_bundle(prefix_of_index(path), std::move(specs), options.overwrite);
}

}  // namespace

const Format kTfBundleFormat{
    .name = "TensorFlow bundle",
    .id = "tf",
    .separator = '/',
    .suffixes = ".index",
    .detect = detect,
    .resolve = find_index,
    .open = open,
    .create = create,
    .edit = edit,
    .undo = undo,
    .is_interrupted = [](const RandomFile&,
                         const std::string& path) { return has_abandoned_intent(path); },
    .recover = recover};

}  // namespace ckpt::tf
