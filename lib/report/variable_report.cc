#include "report/variable_report.h"

#include <algorithm>

#include "core/escape.h"
#include "core/numbers.h"
#include "core/text.h"
#include "report/listing_json.h"
#include "report/units.h"

namespace ckpt {
namespace {

constexpr std::size_t kBins = 16;
constexpr std::size_t kFirstValues = 8;
constexpr std::size_t kLabelWidth = 12;

std::string numbers_text(const std::vector<double>& values) {
  std::vector<std::string> words;
  words.reserve(values.size());
  for (const double value : values) words.push_back(human_number(value));
  return join(words, "  ");
}

// A bar of `eighths` eighths of a column, in block characters.
std::string bar(std::uint64_t eighths) {
  static constexpr std::string_view kBlocks[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string out;
  for (std::uint64_t i = 0; i < eighths / 8; ++i) out += "█";
  return out + std::string(kBlocks[eighths % 8]);
}

void print_histogram(const Statistics& s, const TextStyle& style, const Output& out) {
  const std::uint64_t most = *std::ranges::max_element(s.histogram);
  if (most == 0) return;
  std::vector<std::string> labels;
  std::size_t label_width = 0;
  std::size_t count_width = with_commas(most).size();
  const double width = (s.max - s.min) / static_cast<double>(s.histogram.size());
  for (std::size_t i = 0; i < s.histogram.size(); ++i) {
    labels.push_back(human_number(s.min + width * static_cast<double>(i)));
    label_width = std::max(label_width, labels.back().size());
  }
  const std::size_t used = 2 + label_width + 2 + count_width + 2;
  const std::size_t room =
      style.width > used + 8 ? std::min<std::size_t>(style.width - used, 60) : 40;
  out("histogram (each row starts at the value on its left)\n");
  for (std::size_t i = 0; i < s.histogram.size(); ++i) {
    const auto share = static_cast<double>(s.histogram[i]) / static_cast<double>(most);
    auto eighths = static_cast<std::uint64_t>(share * static_cast<double>(8 * room) + 0.5);
    if (s.histogram[i] > 0) eighths = std::max<std::uint64_t>(eighths, 1);
    const std::string drawn = bar(eighths);
    out(cat("  ", pad_left(labels[i], label_width), "  ",
            pad_left(with_commas(s.histogram[i]), count_width), drawn.empty() ? "" : "  ", drawn,
            "\n"));
    if (width == 0) break;  // all values are one
  }
}

}  // namespace

VariableReport describe_variable(const Reader& reader, std::size_t i, const Progress& progress) {
  const Index& index = reader.index();
  VariableReport report{.entry = index.entries[i],
                        .separator = index.separator,
                        .layer = layer_of(index, index.entries[i].name),
                        .details = reader.details(i)};
  for (const Entry& other : index.entries) {
    const bool is_state = other.role == Role::kSlot || other.role == Role::kAverage;
    if (is_state && is_companion(other.name, report.entry.name, index.separator)) {
      report.companions.push_back(other);
    }
  }
  if (!is_numeric(report.entry.dtype)) return report;
  DigestStream digest;
  std::uint64_t done = 0;
  report.statistics = statistics_of(reader, i, kBins, [&](int pass, ByteView piece) {
    if (pass == 0) digest.add(piece);
    done += piece.size();
    if (progress) progress(done, 2 * report.entry.nbytes);
  });
  report.digest = digest.finish();
  const std::size_t size = size_of(report.entry.dtype);
  const auto few = std::min<std::uint64_t>(kFirstValues, report.statistics.count);
  Bytes bytes(static_cast<std::size_t>(few) * size);
  reader.read(i, 0, bytes);
  report.first_values.resize(static_cast<std::size_t>(few));
  decode(report.entry.dtype, bytes, report.first_values);
  return report;
}

void print_variable(const VariableReport& report, const TextStyle& style, const Output& out) {
  const auto& [entry, separator, layer, details, s, digest, first_values, companions] = report;
  const auto row = [&](std::string_view label, std::string_view value) {
    out(cat(pad_right(label, kLabelWidth), value, "\n"));
  };
  const bool numeric = is_numeric(entry.dtype);
  out(cat(escape(entry.name), ": ", numeric ? name_of(entry.dtype) : entry.native_dtype.view(), " ",
          to_string(entry.shape)));
  if (numeric) {
    out(cat(", ", count_of(parameters_of(entry), "parameter"), ", ", human_bytes(entry.nbytes)));
  }
  out("\n");
  row("role", name_of(entry.role));
  if (!layer.empty()) row("layer", escape(layer));
  row("place", cat(escape(place_of(entry)), ", ", details.storage));
  if (numeric && !entry.native_dtype.empty()) row("stored as", entry.native_dtype);
  if (details.stored_bytes != entry.nbytes) row("stored", human_bytes(details.stored_bytes));
  for (const std::string& alias : entry.aliases) row("also", escape(alias));
  for (const auto& [name, value] : details.attributes) {
    row("attribute", cat(escape(name), " = ", escape(value)));
  }
  for (const Entry& companion : companions) {
    row(name_of(companion.role), cat(escape(companion.name), "  ", name_of(companion.dtype), " ",
                                     to_string(companion.shape)));
  }
  if (!numeric) return;
  row("xxh3-128", to_string(digest));
  row("values", cat("min ", human_number(s.min), ", max ", human_number(s.max), ", mean ",
                    human_number(s.mean), ", deviation ", human_number(s.deviation)));
  row("", cat(with_commas(s.zeros), " zero, ", with_commas(s.nan), " NaN, ",
              with_commas(s.infinite), " infinite of ", with_commas(s.count)));
  if (first_values.empty()) return;
  row("first", numbers_text(first_values));
  print_histogram(s, style, out);
}

void write_variable(const VariableReport& report, std::string_view path, std::string_view tool,
                    JsonStream& json) {
  json.begin_object(JsonStream::Form::kLines);
  json.key("schema").value("ckpt/show/1");
  json.key("tool").value(tool);
  json.key("file").value(path);
  write_entry_keys(report.entry, report.separator, json);
  write_layer_key(report.layer, json);
  write_details_keys(report.details, json);
  json.key("companions").begin_array();
  for (const Entry& companion : report.companions) json.value(companion.name);
  json.end_array();
  if (is_numeric(report.entry.dtype)) {
    const Statistics& s = report.statistics;
    json.key("digest").value("xxh3-128:" + to_string(report.digest));
    json.key("statistics").begin_object();
    json.key("count").value(s.count);
    json.key("nan").value(s.nan);
    json.key("infinite").value(s.infinite);
    json.key("zeros").value(s.zeros);
    json.key("min").value(s.min);
    json.key("max").value(s.max);
    json.key("mean").value(s.mean);
    json.key("deviation").value(s.deviation);
    json.key("histogram").begin_array();
    for (const std::uint64_t count : s.histogram) json.value(count);
    json.end_array();
    json.end_object();
    json.key("first_values").begin_array();
    for (const double value : report.first_values) json.value(value);
    json.end_array();
  }
  json.end_object();
}

}  // namespace ckpt
