#include "report/listing_text.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/escape.h"
#include "core/text.h"
#include "report/colors.h"
#include "report/units.h"

namespace ckpt {
namespace {

// Rows deeper than this are not indented further but say how many levels deeper they are.
constexpr std::size_t kMaxIndentLevels = 30;
// The name column is never wider than this when there is no terminal to fit.
constexpr std::size_t kMaxNameWidth = 72;
constexpr std::size_t kMinNameWidth = 12;

// What a line says, cell by cell. One object serves all lines, so that its texts keep their room: a
// listing of a million lines makes no million strings.
struct Line {
  std::string name;
  std::string_view dtype;
  const Shape* shape = nullptr;             // empty where it has none
  std::optional<std::uint64_t> parameters;  // the same
  std::optional<std::uint64_t> nbytes;      // the same
  std::string remark;
  bool is_scope = false;
  std::optional<std::size_t> entry;
  std::size_t indent = 0;

  void clear() {
    name.clear();
    dtype = {};
    shape = nullptr;
    parameters.reset();
    nbytes.reset();
    remark.clear();
    is_scope = false;
    entry.reset();
    indent = 0;
  }
  void set_entry(const Entry& row) {
    dtype = is_numeric(row.dtype) ? name_of(row.dtype) : row.native_dtype.view();
    shape = &row.shape;
    if (!is_numeric(row.dtype)) return;
    parameters = parameters_of(row);
    nbytes = row.nbytes;
  }
};

void set_line(const Index& index, const TreeRow& row, Line& line) {
  line.clear();
  const std::size_t levels = std::min(row.depth, kMaxIndentLevels);
  line.indent = 2 * levels;
  line.name.append(line.indent, ' ');
  if (row.depth > levels) line.name += cat("(+", row.depth - levels, ") ");
  append_escaped(line.name, row.label);
  line.is_scope = row.is_scope;
  line.entry = row.entry;
  if (row.is_scope) {
    line.name += index.separator;
    append_escaped(line.remark, row.layer);
  } else {
    line.set_entry(index.entries[*row.entry]);
  }
  // A scope may hold second names only.
  const bool has_sums = row.is_scope ? row.sums.variables > 0 : row.repeats > 1;
  if (has_sums) {
    line.parameters = row.sums.parameters;
    line.nbytes = row.sums.nbytes;
  }
  if (row.repeats > 1) line.remark = cat("× ", row.repeats);
  if (row.is_alias) {
    line.remark = "= " + escape(index.entries[*row.entry].name);
    line.parameters.reset();
    line.nbytes.reset();
  }
}

// The columns, as wide as the widest of their cells.
class Widths {
 public:
  std::size_t name = 0, dtype = 0, shape = 0, parameters = 0, bytes = 0, remark = 0;

  void widen(const Line& line) {
    name = std::max(name, display_width(line.name));
    dtype = std::max(dtype, line.dtype.size());
    if (line.shape != nullptr) shape = std::max(shape, width_of(*line.shape));
    if (line.parameters && *line.parameters >= most_parameters_) {
      most_parameters_ = *line.parameters;
      parameters = with_commas(most_parameters_).size();
    }
    if (line.nbytes && bytes < kLongestHumanBytes) {
      bytes = std::max(bytes, human_bytes(*line.nbytes).size());
    }
    if (!line.remark.empty()) remark = std::max(remark, display_width(line.remark));
  }

 private:
  static std::size_t width_of(const Shape& extents) {
    std::size_t width = std::string_view("[]").size();
    for (const std::int64_t extent : extents) width += Piece(extent).text().size();
    return width + (extents.empty() ? 0 : 2 * (extents.size() - 1));
  }

  std::uint64_t most_parameters_ = 0;
};

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

// The columns of a line, one behind the other in `text`, which is used again for each line.
class Columns {
 public:
  Columns(std::string& text, const TextStyle& style) : text_(text), style_(style) { text_.clear(); }

  void left(std::string_view cell, std::size_t width, std::string_view color = {}) {
    paint(cell, color);
    text_.append(width - std::min(width, display_width(cell)) + 2, ' ');
  }
  void right(std::string_view cell, std::size_t width, std::string_view color = {}) {
    text_.append(width - std::min(width, cell.size()), ' ');
    paint(cell, color);
    text_ += "  ";
  }
  // A cell that `write` appends to the text.
  template <typename Write>
  void left_written(std::size_t width, Write write) {
    const std::size_t start = text_.size();
    write(text_);
    text_.append(width - std::min(width, text_.size() - start) + 2, ' ');
  }
  // Blanks at the end of a line are left out.
  void end() {
    text_.erase(text_.find_last_not_of(' ') + 1);
    text_ += '\n';
  }

 private:
  void paint(std::string_view cell, std::string_view color) {
    const bool is_painted = style_.color && !color.empty() && !cell.empty();
    if (is_painted) text_ += color;
    text_ += cell;
    if (is_painted) text_ += kReset;
  }

  std::string& text_;
  const TextStyle& style_;
};

void format_line(const Line& line, const Widths& w, const TextStyle& style, std::string& text) {
  Columns columns(text, style);
  const std::string_view bold = line.is_scope ? kBold : std::string_view{};
  columns.left(style.width > 0 ? shorten(line.name, w.name) : line.name, w.name,
               line.is_scope ? kBoldBlue : std::string_view{});
  columns.left(line.dtype, w.dtype, kCyan);
  columns.left_written(w.shape, [&](std::string& out) {
    if (line.shape != nullptr) append_shape(out, *line.shape);
  });
  columns.right(line.parameters ? with_commas(*line.parameters) : "", w.parameters, bold);
  columns.right(line.nbytes ? human_bytes(*line.nbytes) : "", w.bytes, bold);
  if (!line.remark.empty()) {
    const std::size_t used = w.name + w.dtype + w.shape + w.parameters + w.bytes + 10;
    columns.left(style.width > used ? shorten(line.remark, style.width - used) : line.remark, 0,
                 kDim);
  }
  columns.end();
}

void print_details(const Reader& reader, std::size_t i, std::size_t indent, const TextStyle& style,
                   const Output& out) {
  const Entry& entry = reader.index().entries[i];
  const Details details = reader.details(i);
  const std::string margin(indent + 4, ' ');
  std::string storage = cat(escape(place_of(entry)), ": ", details.storage);
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
      Line line;
      for_each_row(tree, index, request.depth, [&](const TreeRow& row) {
        set_line(index, row, line);
        visit(line);
      });
    };
  }
  return [&](const LineVisitor& visit) {
    Line line;
    for (const std::size_t i : listing.entries) {
      const Entry& entry = index.entries[i];
      if (entry.role == Role::kSlot && !request.slots) continue;
      line.clear();
      append_escaped(line.name, entry.name);
      line.set_entry(entry);
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
  for_each_line([&](const Line& line) { widths.widen(line); });
  fit(widths, how.style);
  std::string text;
  for_each_line([&](const Line& line) {
    format_line(line, widths, how.style, text);
    out(text);
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
            name_of(entry.role), "\t", escape(place_of(entry)), "\n"));
  }
}

}  // namespace ckpt
