#include "checkpoint/checkup.h"

#include "core/error.h"

namespace ckpt {

Checkup check_up(const Reader& reader,
                 const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const Index& index = reader.index();
  Checkup checkup{.lost = index.lost};
  std::uint64_t total = 0;
  for (const Entry& entry : index.entries) total += entry.nbytes;
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    const Entry& entry = index.entries[i];
    if (!is_numeric(entry.dtype)) {
      ++checkup.others;
      continue;
    }
    const std::uint64_t start = done;
    try {
      reader.check_whole(i);
      for_each_piece(reader, i, [&](std::uint64_t, ByteView piece) {
        done += piece.size();
        if (progress) progress(done, total);
      });
      checkup.whole.push_back(i);
    } catch (const Error& e) {
      if (e.code() == Errc::kIo) throw;
      checkup.lost.push_back({entry.name, e.what()});
    }
    done = start + entry.nbytes;
  }
  for (Loss& loss : reader.check_container()) checkup.lost.push_back(std::move(loss));
  return checkup;
}

std::vector<VariableSpec> specs_of(const Checkup& checkup, const Index& index) {
  std::vector<VariableSpec> specs;
  for (const std::size_t i : checkup.whole) {
    const Entry& entry = index.entries[i];
    specs.push_back({.name = entry.name, .dtype = entry.dtype, .shape = entry.shape});
  }
  return specs;
}

void write_whole(const Checkup& checkup, const Reader& reader, Writer& writer) {
  for (std::size_t w = 0; w < checkup.whole.size(); ++w) {
    for_each_piece(reader, checkup.whole[w],
                   [&](std::uint64_t, ByteView piece) { writer.write(w, piece); });
  }
  writer.commit();
}

}  // namespace ckpt
