#include "support/hdf5_files.h"

#include "core/text.h"
#include "formats/formats.h"
#include "support/process.h"

using namespace ckpt;

namespace {

constexpr const char* kDatasets = R"(
import h5py, hashlib, sys
f = h5py.File(sys.argv[1], 'r')
def text(v):
    return v.tobytes() if hasattr(v, 'tobytes') else v
def show(path, d):
    raw = d[()]
    if hasattr(raw, 'dtype') and raw.dtype.kind == 'O': data = repr(raw.tolist()).encode()
    elif hasattr(raw, 'tobytes'): data = raw.tobytes()
    else: data = repr(raw).encode()
    attrs = sorted((k, repr(d.attrs[k])) for k in d.attrs)
    print(path, '%s %s %s %s' % (d.dtype, d.shape, hashlib.sha256(data).hexdigest()[:20], attrs),
          sep='\t')
def walk(prefix, g, seen):
    if g.id.__hash__() is None: return
    for k in g:
        try: o = g[k]
        except (KeyError, OSError): continue
        if isinstance(o, h5py.Dataset): show(prefix + k, o)
        elif isinstance(o, h5py.Group) and h5py.h5o.get_info(o.id).addr not in seen:
            walk(prefix + k + '/', o, seen | {h5py.h5o.get_info(o.id).addr})
walk('', f, {h5py.h5o.get_info(f['/'].id).addr})
)";

constexpr const char* kKeras = R"(
import h5py, json, sys
f = h5py.File(sys.argv[1], 'r')
root = f['model_weights'] if 'model_weights' in f else f
def names(g, key):
    if key in g.attrs: parts = [g.attrs[key]]
    else:
        parts, i = [], 0
        while key + str(i) in g.attrs:
            parts.append(g.attrs[key + str(i)]); i += 1
        assert parts, (g.name, key)
    return [n.decode() if hasattr(n, 'decode') else n for p in parts for n in p]
layers = names(root, 'layer_names')
assert len(set(layers)) == len(layers)
for layer in layers:
    assert isinstance(root[layer], h5py.Group), layer
    for w in names(root[layer], 'weight_names'):
        assert isinstance(root[layer][w], h5py.Dataset), (layer, w)
if 'optimizer_weights' in f and 'weight_names' in f['optimizer_weights'].attrs:
    for w in names(f['optimizer_weights'], 'weight_names'):
        assert isinstance(f['optimizer_weights'][w], h5py.Dataset), w
if 'model_config' in f.attrs:
    c = json.loads(f.attrs['model_config'])['config']
    ls = c if isinstance(c, list) else c['layers']
    have = [l['config'].get('name', l.get('name')) for l in ls]
    assert not set(layers) - set(have) or not any(have), (layers, have)
    def refs(x):
        if isinstance(x, list):
            if len(x) >= 3 and isinstance(x[0], str) and isinstance(x[1], int): assert x[0] in have, x
            for y in x: refs(y)
        elif isinstance(x, dict):
            for y in x.values(): refs(y)
    for l in ls:
        if 'inbound_nodes' in l: refs(l['inbound_nodes'])
    if isinstance(c, dict):
        refs(c.get('input_layers', [])); refs(c.get('output_layers', []))
print('\n'.join(layers))
)";

}  // namespace

std::map<std::string, std::string> datasets_by_h5py(const std::string& path) {
  std::map<std::string, std::string> datasets;
  const std::string out = run_python(kDatasets, {path});
  for (const auto line : split(out, "\n")) {
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    datasets.emplace(line.substr(0, tab), line.substr(tab + 1));
  }
  return datasets;
}

std::map<std::string, std::string> variables_of(const std::string& path) {
  const auto datasets = datasets_by_h5py(path);
  const auto reader = open_checkpoint(path);
  std::map<std::string, std::string> variables;
  for (const auto& entry : reader->index().entries) {
    variables.emplace(entry.name, datasets.at(std::string(place_of(entry))));
  }
  return variables;
}

std::string check_keras_file(const std::string& path) { return run_python(kKeras, {path}); }

EditResult edit_file(const std::string& path, const std::string& target, const Edit& edit,
                     const EditOptions& options) {
  return detect_format(path).edit(path, target, edit, options);
}

void add_prefix_move(Edit& edit, const std::string& path, const std::string& from,
                     const std::string& to) {
  const auto reader = open_checkpoint(path);
  for (const auto& entry : reader->index().entries) {
    if (entry.name.starts_with(from)) edit.move(entry.name, to + entry.name.substr(from.size()));
  }
}

Edit prefix_move(const std::string& path, const std::string& from, const std::string& to) {
  Edit edit;
  add_prefix_move(edit, path, from, to);
  return edit;
}

std::string operations_of(const EditResult& result) {
  std::vector<std::string> lines;
  for (const auto& operation : result.operations) {
    std::string line = cat(name_of(operation.kind), " ", operation.place);
    if (!operation.to.empty()) line += cat(" → ", operation.to);
    lines.push_back(std::move(line));
  }
  return join(lines, "\n");
}
