#include "formats/hdf5/scouts.h"

#include <algorithm>
#include <exception>
#include <system_error>

#include "core/error.h"
#include "formats/hdf5/chosen_source.h"

namespace ckpt::hdf5 {
namespace {

constexpr std::uint64_t kMinFile = 1 << 20;  // bytes; below, a thread costs more than it saves
constexpr std::size_t kMinLinks = 64;        // of a group that is worth it
constexpr std::size_t kStretches = 128;      // a group is cut into so many
constexpr std::size_t kMaxStretch = 512;     // links
constexpr std::size_t kMaxAhead = 8;         // stretches
constexpr unsigned kMaxThreads = 4;
// Below a stretch; what has more is left to the walk.
constexpr std::size_t kMaxBelow = 1 << 16;  // objects
constexpr std::uint64_t kMaxPathBytesBelow = 8 << 20;

}  // namespace

Scouts::~Scouts() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::optional<Scouts::Report> Scouts::look(const Walker& walker) {
  const Stretch ahead = walker.ahead();
  const bool is_busy = next_ * links_ < group_.links.size();
  if (!is_busy && ahead.first == 0 && ahead.links.size() >= kMinLinks) start(ahead);
  if (ahead.depth != group_.depth || ahead.first != next_ * links_ || ahead.links.empty()) {
    return std::nullopt;
  }
  std::optional<Report> report;
  std::unique_lock lock(mutex_);
  if (!errands_.empty()) {
    while (!errands_.front().is_done) {
      if (run_errand(*source_, lock)) continue;
      is_awaited_ = true;
      changed_.wait(lock);
      is_awaited_ = false;
    }
    report = std::move(errands_.front().report);
    errands_.pop_front();
    if (2 * errands_.size() == kMaxAhead) changed_.notify_all();
  }
  ++next_;
  return report;
}

// Has the threads walk below the links of a group that the walk has just entered.
void Scouts::start(const Stretch& group) {
  const std::size_t threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxThreads) - 1;
  if (file_.size() < kMinFile || threads == 0) return;
  if (!source_) source_ = open_source(file_);
  {
    const std::lock_guard lock(mutex_);
    path_ = group.path;
    group_ = group;
    group_.path = path_;
    links_ = std::clamp(group.links.size() / kStretches, std::size_t{1}, kMaxStretch);
    next_ = 0;
  }
  try {
    while (threads_.size() < threads) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // no more threads are to be had: fewer do as well
  }
  changed_.notify_all();
}

Stretch Scouts::stretch(std::size_t number) const {
  const std::size_t first = std::min(number * links_, group_.links.size());
  const std::size_t count = std::min(links_, group_.links.size() - first);
  return {group_.path, group_.depth, first, group_.links.subspan(first, count)};
}

void Scouts::work() {
  std::unique_ptr<Source> source;
  try {
    source = open_source(file_);
  } catch (const std::exception&) {  // the file has just changed: the walk will see it
    return;
  }
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    if (!run_errand(*source, lock)) changed_.wait(lock);
  }
}

// Walks below the first stretch that nobody has taken. False where there is none, or where that is
// too far ahead of the walk.
bool Scouts::run_errand(const Source& source, std::unique_lock<std::mutex>& lock) {
  const Stretch stretch = this->stretch(next_ + errands_.size());
  if (stretch.links.empty() || errands_.size() >= kMaxAhead) return false;
  Errand& errand = errands_.emplace_back();
  lock.unlock();
  auto report = walk_below(source, stretch);
  lock.lock();
  errand = {true, std::move(report)};
  if (is_awaited_) changed_.notify_all();
  return true;
}

std::optional<Scouts::Report> Scouts::walk_below(const Source& source,
                                                 const Stretch& stretch) const {
  Report report;
  Notes notes;
  const std::size_t oddities = source.notes().size();
  const auto take = [&](const std::string& path, ObjectId id, const Dataset& dataset) {
    if (dataset.type.klass == Datatype::Class::kOpaque) throw Error(Errc::kUnsupported, "opaque");
    report.variables.push_back(make_variable(path, id, dataset, "", file_.size(), notes));
    return true;
  };
  try {
    const TakeDataset take_dataset = take;
    Walker walker(source, take_dataset, notes, stretch, kMaxBelow);
    while (walker.step()) {
      const Findings& found = walker.so_far();
      const bool has_further_names = !found.soft_links.empty() || !found.walk.aliases.empty();
      if (has_further_names || found.path_bytes > kMaxPathBytesBelow) return std::nullopt;
    }
    report.findings = walker.findings();
  } catch (const std::exception&) {  // the walk meets it as well
    return std::nullopt;
  }
  if (!notes.sentences().empty() || source.notes().size() != oddities) return std::nullopt;
  return report;
}

}  // namespace ckpt::hdf5
