#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/format.h"
#include "checkpoint/reader.h"

// What the folder of shared test data (CKPT_SHARED) says of its files.

// A tensor of a real checkpoint, as an independent reader saw it (corpus/EXPECTED.tsv).
struct ExpectedTensor {
  std::string file;
  std::string name;
  std::string dtype;  // in that reader's words
  std::string shape;  // "3x3x48"
  std::uint64_t nbytes = 0;
  std::string sha1;  // the first 12 digits; empty where that reader did not read it
};

// The tensors of all files under a folder ("npz/"), in order; none where there is no corpus.
std::vector<ExpectedTensor> expected_tensors(const std::string& folder);

// A file that must be answered in a certain way (hostile/MANIFEST.tsv).
struct HostileFile {
  std::string file;
  std::string what_is_wrong;
  std::string expected;  // "ok", "ok-with-warning" or "error"
};

std::vector<HostileFile> hostile_files(const std::string& format);

std::string corpus_path(const std::string& file);
std::string hostile_path(const std::string& file);

// "3x3x48".
std::string shape_text(const ckpt::Shape& shape);

// The first 12 digits of each text's SHA-1, by Python.
std::vector<std::string> sha1_of(const std::vector<ckpt::Bytes>& texts);

// Opens `path` as that format, without asking what it is.
std::unique_ptr<ckpt::Reader> open_as(const ckpt::Format& format, const std::string& path);

// The same of bytes in memory; `path` is where a format of several files looks for the others.
std::unique_ptr<ckpt::Reader> open_bytes(const ckpt::Format& format, std::string_view bytes,
                                         const std::string& path = "memory");

// Every numeric tensor, in order.
std::vector<ckpt::Tensor> read_all(const ckpt::Reader& reader);
