#include "report/listing_text.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/escape.h"
#include "core/text.h"
#include "report/units.h"

namespace ckpt {
namespace {

// Rows deeper than this are not indented further but say how many levels deeper they are.
constexpr std::size_t kMaxIndentLevels = 30;
// The name column is never wider than this when there is no terminal to fit.
constexpr std::size_t kMaxNameWidth = 72;
constexpr std::size_t kMinNameWidth = 12;

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kBlue = "\x1b[1;34m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kReset = "\x1b[0m";

std::string paint(std::string text, std::string_view color, const TextStyle& style) {
  return style.color && !text.empty() ? cat(color, text, kReset) : text;
}

struct Line {
  std::string name;
  std::string dtype;
  std::string shape;
  std::string parameters;
  std::string bytes;
  std::string remark;
  bool is_scope = false;
  std::optional<std::size_t> entry;
  std::size_t indent = 0;
};

std::string indented(std::size_t depth, std::string_view label) {
  const std::size_t levels = std::min(depth, kMaxIndentLevels);
  const std::string deeper = depth > levels ? cat("(+", depth - levels, ") ") : "";
  return cat(std::string(2 * levels, ' '), deeper, label);
}

Line line_of(const Entry& entry, std::string name) {
  Line line{.name = std::move(name)};
  line.dtype = is_numeric(entry.dtype) ? name_of(entry.dtype) : entry.native_dtype;
  line.shape = to_string(entry.shape);
  if (is_numeric(entry.dtype)) {
    line.parameters = with_commas(parameters_of(entry));
    line.bytes = human_bytes(entry.nbytes);
  }
  return line;
}

Line line_of(const Index& index, const TreeRow& row) {
  std::string label = escape(row.label);
  if (row.is_scope) label += index.separator;
  Line line;
  if (row.is_scope) {
    line.name = indented(row.depth, label);
    if (row.sums.variables > 0) {  // else it holds second names only
      line.parameters = with_commas(row.sums.parameters);
      line.bytes = human_bytes(row.sums.nbytes);
    }
    line.is_scope = true;
  } else {
    line = line_of(index.entries[*row.entry], indented(row.depth, label));
    line.entry = row.entry;
    if (row.repeats > 1) {
      line.parameters = with_commas(row.sums.parameters);
      line.bytes = human_bytes(row.sums.nbytes);
    }
  }
  if (row.is_scope) line.remark = escape(row.layer);
  if (row.repeats > 1) line.remark = cat("× ", row.repeats);
  if (row.is_alias) {
    line.remark = "= " + escape(index.entries[*row.entry].name);
    line.parameters.clear();
    line.bytes.clear();
  }
  line.indent = 2 * std::min(row.depth, kMaxIndentLevels);
  return line;
}

struct Widths {
  std::size_t name = 0, dtype = 0, shape = 0, parameters = 0, bytes = 0, remark = 0;
};

void widen(Widths& w, const Line& line) {
  w.name = std::max(w.name, display_width(line.name));
  w.dtype = std::max(w.dtype, line.dtype.size());
  w.shape = std::max(w.shape, line.shape.size());
  w.parameters = std::max(w.parameters, line.parameters.size());
  w.bytes = std::max(w.bytes, line.bytes.size());
  w.remark = std::max(w.remark, display_width(line.remark));
}

// Takes from the name column what the terminal does not have.
void fit(Widths& w, const TextStyle& style) {
  std::size_t name_limit = kMaxNameWidth;
  if (style.width > 0) {
    const std::size_t others = 2 + w.dtype + 2 + w.shape + 2 + w.parameters + 2 + w.bytes;
    name_limit = style.width > others + kMinNameWidth ? style.width - others : kMinNameWidth;
    if (w.remark > 0 && name_limit > w.remark + 2 + kMinNameWidth) name_limit -= w.remark + 2;
  }
  w.name = std::min(w.name, name_limit);
}

// Blanks at the end of a line are left out.
std::string without_trailing_blanks(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string format_line(const Line& line, const Widths& w, const TextStyle& style) {
  std::string name = style.width > 0 ? shorten(line.name, w.name) : line.name;
  const std::size_t name_width = display_width(name);
  if (line.is_scope) name = paint(std::move(name), kBlue, style);
  if (name_width < w.name) name += std::string(w.name - name_width, ' ');
  std::string text = cat(name, "  ", paint(line.dtype, kCyan, style),
                         std::string(w.dtype - line.dtype.size(), ' '), "  ",
                         pad_right(line.shape, w.shape), "  ");
  std::string sizes =
      cat(pad_left(line.parameters, w.parameters), "  ", pad_left(line.bytes, w.bytes));
  text += line.is_scope ? paint(std::move(sizes), kBold, style) : sizes;
  if (!line.remark.empty()) {
    std::string remark = line.remark;
    const std::size_t used = w.name + w.dtype + w.shape + w.parameters + w.bytes + 10;
    if (style.width > used) remark = shorten(remark, style.width - used);
    text += cat("  ", paint(std::move(remark), kDim, style));
  }
  return without_trailing_blanks(std::move(text));
}

void print_details(const Reader& reader, std::size_t i, std::size_t indent, const TextStyle& style,
                   const Output& out) {
  const Entry& entry = reader.index().entries[i];
  const Details details = reader.details(i);
  const std::string margin(indent + 4, ' ');
  std::string storage = cat(escape(entry.place), ": ", details.storage);
  if (is_numeric(entry.dtype) && !entry.native_dtype.empty()) {
    storage += cat(", as ", entry.native_dtype);
  }
  if (details.stored_bytes != entry.nbytes) {
    storage += cat(", ", human_bytes(details.stored_bytes), " stored");
  }
  out(cat(margin, paint(std::move(storage), kDim, style), "\n"));
  for (const auto& [name, value] : details.attributes) {
    out(cat(margin, paint(cat("@", escape(name), " = ", escape(value)), kDim, style), "\n"));
  }
}

using LineVisitor = std::function<void(const Line&)>;

// A function that gives a visitor each line of the listing, every time it is called.
std::function<void(const LineVisitor&)> line_source(const Index& index, const Listing& listing,
                                                    const ListingRequest& request, bool flat) {
  if (!flat) {
    return [&index, &request,
            tree = make_listing_tree(index, listing, request)](const LineVisitor& visit) {
      for_each_row(tree, index, request.depth,
                   [&](const TreeRow& row) { visit(line_of(index, row)); });
    };
  }
  return [&](const LineVisitor& visit) {
    for (const std::size_t i : listing.entries) {
      const Entry& entry = index.entries[i];
      if (entry.role == Role::kSlot && !request.slots) continue;
      Line line = line_of(entry, escape(entry.name));
      line.entry = i;
      if (!entry.aliases.empty()) line.remark = "also " + escape(join(entry.aliases, ", "));
      visit(line);
    }
  };
}

std::string sums_text(const Sums& sums) {
  return cat(count_of(sums.variables, "variable"), ", ", count_of(sums.parameters, "parameter"),
             ", ", human_bytes(sums.nbytes));
}

}  // namespace

void print_listing(const Reader& reader, const Listing& listing, const ListingRequest& request,
                   std::string_view path, const ListingText& how, const Output& out) {
  const Index& index = reader.index();
  if (how.show_path) {
    out(cat(paint(escape(path), kBold, how.style), ": ", index.format, ", ", index.layout, ", ",
            human_bytes(index.file_bytes), "\n"));
  }
  // The lines are made twice, for the widths and for the text: a million of them need no memory.
  const auto for_each_line = line_source(index, listing, request, how.flat);
  Widths widths;
  for_each_line([&](const Line& line) { widen(widths, line); });
  fit(widths, how.style);
  for_each_line([&](const Line& line) {
    out(format_line(line, widths, how.style) + "\n");
    if (how.details && line.entry) print_details(reader, *line.entry, line.indent, how.style, out);
  });
  const bool hidden_slots = !request.slots && listing.slots.variables > 0;
  Sums shown = listing.total;
  if (hidden_slots) {
    shown = {shown.variables - listing.slots.variables, shown.parameters - listing.slots.parameters,
             shown.nbytes - listing.slots.nbytes};
  }
  out(cat(paint("total: " + sums_text(shown), kBold, how.style), "\n"));
  if (hidden_slots) {
    out(cat("optimizer slots: ", sums_text(listing.slots), " (--slots shows them)\n"));
  }
}

void print_listing_tsv_header(const Output& out) {
  out("file\tname\tdtype\tshape\tparameters\tnbytes\trole\tplace\n");
}

void print_listing_tsv(const Reader& reader, const Listing& listing, std::string_view path,
                       const Output& out) {
  for (const std::size_t i : listing.entries) {
    const Entry& entry = reader.index().entries[i];
    std::vector<std::string> extents;
    for (const std::int64_t extent : entry.shape) extents.push_back(cat(extent));
    out(cat(escape(path), "\t", escape(entry.name), "\t", name_of(entry.dtype), "\t",
            join(extents, "x"), "\t", parameters_of(entry), "\t", entry.nbytes, "\t",
            name_of(entry.role), "\t", escape(entry.place), "\n"));
  }
}

}  // namespace ckpt
