#include "formats/hdf5_helper/helper_program.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5_helper/helper_folder.h"

namespace ckpt::hdf5 {
namespace {

constexpr std::string_view kProgram = "ckpt-hdf5-helper";
constexpr const char* kRunning = "/proc/self/exe";

// The running program's own path, without a file name; empty where the system does not tell.
std::string own_folder() {
  std::array<char, 4096> path{};
  const ssize_t n = ::readlink(kRunning, path.data(), path.size());
  if (n <= 0) return {};
  const std::string_view whole(path.data(), static_cast<std::size_t>(n));
  return std::string(whole.substr(0, whole.rfind('/')));
}

// Where the system does not tell, it is taken for the user's own, which nobody else may write.
struct stat running_program() {
  struct stat status {};
  if (::stat(kRunning, &status) != 0) status.st_uid = ::geteuid();
  return status;
}

}  // namespace

std::string why_not_run(const struct stat& helper, const struct stat& running) {
  if (!S_ISREG(helper.st_mode)) return "is no regular file";
  if (helper.st_uid != 0 && helper.st_uid != running.st_uid) {
    return cat("belongs to user ", helper.st_uid,
               ", who is neither root nor the owner of the running program (user ", running.st_uid,
               ")");
  }
  const bool is_group_trusted = (running.st_mode & S_IWGRP) != 0 && helper.st_gid == running.st_gid;
  const bool are_others_trusted = (running.st_mode & S_IWOTH) != 0;
  if ((helper.st_mode & S_IWOTH) != 0 && !are_others_trusted) return "may be written by anybody";
  if ((helper.st_mode & S_IWGRP) != 0 && !is_group_trusted && !are_others_trusted) {
    return cat("may be written by group ", helper.st_gid,
               ", which may not write the running program");
  }
  return "";
}

HelperProgram find_helper() {
  std::vector<std::string> places;
  if (const std::string folder = own_folder(); !folder.empty()) {
    places.push_back(cat(folder, "/../libexec/ckpt/", kProgram));
    places.push_back(cat(folder, "/libexec/ckpt/", kProgram));
  }
  places.push_back(cat(helper_folder, "/", kProgram));
  std::vector<std::string> refused;
  std::optional<struct stat> running;
  for (const auto& place : places) {
    if (::access(place.c_str(), X_OK) != 0) continue;
    FileDescriptor file(::open(place.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) continue;
    if (!running) running = running_program();
    const std::string fault = why_not_run(status, *running);
    if (fault.empty()) {
      const bool can_be_named = is_there(cat("/proc/self/fd/", file.get()));
      return {place, can_be_named ? std::move(file) : FileDescriptor()};
    }
    refused.push_back(cat("; ", escape(place), " ", fault, ", so it is not run"));
  }
  throw Error(Errc::kNotFound,
              cat("the helper program ", kProgram, " is missing; it was looked for at ",
                  join(places, ", "), join(refused, "")));
}

}  // namespace ckpt::hdf5
