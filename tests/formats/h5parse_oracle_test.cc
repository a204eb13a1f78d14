#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "formats/h5parse_listing.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// Files with every structure that h5py can write: argv is the folder and the version bounds.
constexpr const char* kMake = R"py(
import sys
import numpy as np, h5py
from h5py import h5d, h5f, h5p, h5s, h5t, h5g, h5o
folder, low = sys.argv[1:3]
rng = np.random.default_rng(7)
name = lambda kind: '%s/%s_%s.h5' % (folder, low, kind)
bounds = {'earliest': ('earliest', 'v108'), 'v108': ('v108', 'v108'), 'v110': ('v110', 'v110'),
          'latest': ('latest', 'latest')}[low]
new = lambda kind, **kw: h5py.File(name(kind), 'w', libver=bounds, **kw)

with new('types') as f:
    for t in ['i1', 'u1', '<i2', '>i2', '<u2', '<i4', '>i4', '<u4', '<i8', '>u8', '<f2', '<f4', '>f4',
              '<f8', '>f8', '?', '<c8', '>c16', 'S5', 'V7']:
        a = np.frombuffer(rng.bytes(np.dtype(t).itemsize * 6), dtype='u1')
        if t == '?': a = a % 2
        f.create_dataset('plain_' + t.replace('<', 'l').replace('>', 'b').replace('?', 'bool'),
                         data=a.view(t).reshape(2, 3) if t != 'S5' else np.array([[b'ab', b'', b'abcde']]))
    f['vlen_text'] = np.array(['a', 'ünï', '', 'x' * 5000], dtype=h5py.string_dtype())
    f['vlen_ascii'] = np.array([b'one', b'two'], dtype=h5py.string_dtype('ascii'))

    d = f.create_dataset('vlen_list', (3,), dtype=h5py.vlen_dtype('i4')); d[0] = [1, 2, 3]
    point = np.dtype([('x', '<f4'), ('inner', [('a', 'i1'), ('b', '>i2', (2, 3))]), ('s', 'S4')])
    f['compound'] = np.zeros(4, point)
    f['packed'] = np.zeros(3, np.dtype({'names': ['a', 'b'], 'formats': ['i1', 'f8'],
                                        'offsets': [0, 300], 'itemsize': 400}))
    f['array'] = np.zeros((2,), np.dtype(('<f4', (3, 2))))
    f.create_dataset('array_type', (2,), dtype=np.dtype([('m', '<f4', (3, 2))]))
    f['enum'] = np.array([0, 2, 1], dtype=h5py.enum_dtype({'RED': 0, 'GREEN': 1, 'NEGATIVE': -2}, 'i2'))
    f['object_ref'] = np.array([f['compound'].ref, f.ref], dtype=h5py.ref_dtype)
    f['region_ref'] = np.array([f['compound'].regionref[1:3]], dtype=h5py.regionref_dtype)
    f['named'] = np.dtype('<f4')
    f.create_dataset('by_name', (3,), dtype=f['named'])
    f['by_name'].attrs.create('shared', 1.5, dtype=f['named'])
    s = h5s.create_simple((3,))
    for key, pad in (('nullterm', h5t.STR_NULLTERM), ('space', h5t.STR_SPACEPAD)):
        t = h5t.C_S1.copy(); t.set_size(6); t.set_strpad(pad)
        d = h5d.create(f.id, key.encode(), t, s)
        d.write(h5s.ALL, h5s.ALL, np.array([b'abc   ', b'      ', b'abcdef'], 'S6'), mtype=t)
    t = h5t.IEEE_F32LE.copy(); t.set_fields(23, 18, 5, 8, 10); t.set_offset(8); t.set_precision(16)
    t.set_ebias(15); h5d.create(f.id, b'odd_float', t, s)
    t = h5t.STD_I32LE.copy(); t.set_precision(12); t.set_offset(3); h5d.create(f.id, b'odd_int', t, s)
    h5d.create(f.id, b'bits', h5t.STD_B16BE, s)
    h5d.create(f.id, b'time', h5t.UNIX_D32LE, s)
    t = h5t.create(h5t.OPAQUE, 9); t.set_tag(b'a tag'); h5d.create(f.id, b'tagged', t, s)
    f['null'] = h5py.Empty('f4')
    f['scalar'] = 2.5
    f['nothing'] = np.zeros((3, 0, 2), 'i4')
    f.create_dataset('five', data=np.arange(2 * 3 * 4 * 5 * 6, dtype='i2').reshape(2, 3, 4, 5, 6))

with new('layouts') as f:
    shape = (13, 17)
    data = np.arange(13 * 17, dtype='<i4').reshape(shape)
    p = h5p.create(h5p.DATASET_CREATE); p.set_layout(h5d.COMPACT)
    d = h5d.create(f.id, b'compact', h5t.STD_I32LE, h5s.create_simple(shape), p)
    d.write(h5s.ALL, h5s.ALL, data)
    h5d.create(f.id, b'compact_unwritten', h5t.STD_I32LE, h5s.create_simple(shape), p)
    f.create_dataset('never', shape, '<i4', fillvalue=-7)
    f.create_dataset('never_chunked', shape, '<i4', fillvalue=-7, chunks=(4, 4))
    filters = {'none': {}, 'gzip': dict(compression='gzip'), 'shuffle': dict(shuffle=True),
               'fletcher': dict(fletcher32=True),
               'all': dict(compression='gzip', shuffle=True, fletcher32=True)}
    shapes = {'fixed': None, 'one': (None, 20), 'second': (40, None), 'two': (None, None), 'more': (50, 60)}
    for fk, fv in filters.items():
        for sk, sv in shapes.items():
            d = f.create_dataset(fk + '_' + sk, shape, '<i4', chunks=(4, 5), maxshape=sv, fillvalue=9, **fv)
            if sk == 'two': d[3:11, 2:9] = data[3:11, 2:9]
            else: d[...] = data
            f.create_dataset(fk + '_single_' + sk, data=data, chunks=shape, maxshape=shape, **fv)
        f.create_dataset(fk + '_resized_' + sk, data=data, chunks=(4, 5), maxshape=(None, None), **fv)
        f[fk + '_resized_' + sk].resize((9, 23))
        f[fk + '_resized_' + sk].resize((20, 8))
    odd = np.frombuffer(rng.bytes(3 * 7 * 11), dtype='V3').reshape(7, 11)
    f.create_dataset('odd_size', data=odd, chunks=(2, 3), shuffle=True, fletcher32=True)
    p = h5p.create(h5p.DATASET_CREATE); p.set_chunk((4, 5)); p.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    d = h5d.create(f.id, b'implicit', h5t.STD_I32LE, h5s.create_simple(shape), p)
    d.write(h5s.ALL, h5s.ALL, data)
    p.set_fill_value(np.array(5, '<i4'))
    h5d.create(f.id, b'implicit_fill', h5t.STD_I32LE, h5s.create_simple(shape), p)
    if low == 'latest' or low == 'v110':
        # what is at the edge stays unfiltered (H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS)
        p = h5p.create(h5p.DATASET_CREATE); p.set_chunk((4, 5)); p.set_deflate(6)
        if hasattr(p, 'set_chunk_opts'): p.set_chunk_opts(2)
        d = h5d.create(f.id, b'edges', h5t.STD_I32LE, h5s.create_simple(shape), p)
        d.write(h5s.ALL, h5s.ALL, data)
    # more chunks than are kept decoded
    f.create_dataset('large', data=np.arange(20 << 20, dtype='u1').reshape(20, 1 << 20), chunks=(1, 1 << 20), compression='gzip')
    f.create_dataset('cube', data=np.arange(9 * 10 * 11).reshape(9, 10, 11), chunks=(4, 3, 5),
                     maxshape=(20, None, 11))

with new('many_chunks') as f:
    n = 3000
    a = (np.arange(n) * 7).astype('u1')
    f.create_dataset('fixed', data=a, chunks=(1,))
    f.create_dataset('fixed_gzip', data=a[:1500], chunks=(1,), compression='gzip')
    f.create_dataset('grows', data=a, chunks=(1,), maxshape=(None,))
    f.create_dataset('grows_gzip', data=a[:900], chunks=(1,), maxshape=(None,), compression='gzip')
    f.create_dataset('two', data=a.reshape(50, 60), chunks=(1, 1), maxshape=(None, None))
    f.create_dataset('two_gzip', data=a.reshape(50, 60), chunks=(1, 2), maxshape=(None, None), compression='gzip')
    sparse = f.create_dataset('sparse', (5000,), 'u1', chunks=(1,))
    sparse[4000:4010] = 3
    far = f.create_dataset('far', (200000,), 'u1', chunks=(1,), maxshape=(None,))
    far[150000:150004] = 4
    far[3000:3003] = 5

with new('groups') as f:
    for i in range(700): f['wide/%d' % (i * 37 % 700)] = i
    f['deep/' + '/'.join('d%d' % i for i in range(300)) + '/leaf'] = 1.0
    g = f.create_group('ordered', track_order=True)
    for i in range(40): g['z%d' % (40 - i)] = i
    g.attrs['b'] = 1; g.attrs['a'] = 2
    f['soft'] = h5py.SoftLink('/wide/3'); f['dangling'] = h5py.SoftLink('nowhere')
    f['external'] = h5py.ExternalLink('other.h5', '/a/b')
    f['wide/twin'] = f['wide/5']; f['loop/self'] = f['wide']; f['loop/again'] = f['loop']
    f['n' * 300] = 1; f['name with ünï'] = 2; f.create_group('empty')
    mixed = f.create_group('mixed')
    for i in range(9): mixed['k%d' % i] = h5py.SoftLink('/' + 'x' * (i * 900))
    # a heap whose table has tables of its own
    for i in range(400): f['heap/k%d' % i] = h5py.SoftLink('/' + 'x' * 2000)

with new('attributes') as f:
    f.attrs['text'] = 'hello'; f.attrs['fixed'] = np.bytes_('fixed'); f.attrs['list'] = np.arange(10)
    f.attrs['texts'] = np.array(['a', 'bc', 'ü'], dtype=h5py.string_dtype()); f.attrs['null'] = h5py.Empty('f8')
    f.attrs['empty'] = np.zeros((0, 3)); f.attrs['ref'] = f.ref
    f.attrs['compound'] = np.zeros(2, np.dtype([('a', 'i4'), ('b', 'S3')]))
    f.attrs['enum'] = np.array(1, dtype=h5py.enum_dtype({'A': 0, 'B': 1}, 'u1')); f.attrs['flag'] = True
    many = f.create_group('many')
    for i in range(1500 if low != 'earliest' else 300): many.attrs['attribute_%d' % i] = i
    tracked = f.create_group('tracked', track_order=True)
    for i in range(60): tracked.attrs['t%d' % (60 - i)] = 'v%d' % i
    if low != 'earliest':
        big = f.create_dataset('big', data=1)
        big.attrs.create('huge', np.arange(20000, dtype='f8'))
        for i in range(12): big.attrs['medium%d' % i] = np.arange(900 + i)

for size in (512, 4096):
    with new('userblock%d' % size, userblock_size=size) as f:
        f['g/a'] = np.arange(100); f['g/z'] = np.array(['a', 'b'], dtype=h5py.string_dtype())
        f.create_dataset('c', data=np.arange(1000), chunks=(10,), compression='gzip')

with new('deleted') as f:
    names = []
    for i in range(4000):
        if names and rng.random() < 0.45:
            k = int(rng.integers(len(names))); del f[names.pop(k)]
        else:
            n = 'n' * int(rng.integers(0, 30)) + '%d' % i
            names.append(n); f['/' + n] = h5py.SoftLink('/' + 't' * int(rng.integers(1, 20)))
    g = f.create_group('emptied')
    for i in range(200): g['%d' % i] = h5py.SoftLink('x')
    for i in range(200): del g['%d' % i]
    f['a'] = 1; f['a'].attrs['x'] = 1
    for i in range(30): f['a'].attrs['y%d' % i] = i
    for i in range(30): del f['a'].attrs['y%d' % i]

fcpl = h5p.create(h5p.FILE_CREATE); fcpl.set_sizes(4, 4);
fapl = h5p.create(h5p.FILE_ACCESS)
fapl.set_libver_bounds(*{'earliest': (h5f.LIBVER_EARLIEST, h5f.LIBVER_V18), 'v108': (h5f.LIBVER_V18, h5f.LIBVER_V18),
    'v110': (h5f.LIBVER_V110, h5f.LIBVER_V110), 'latest': (h5f.LIBVER_LATEST, h5f.LIBVER_LATEST)}[low])
with h5py.File(h5f.create(name('sizes').encode(), h5f.ACC_TRUNC, fcpl, fapl)) as f:
    for i in range(100): f['g%d/d' % (i % 7) + str(i)] = np.arange(i)
    f.create_dataset('c', data=np.arange(1000).reshape(50, 20), chunks=(3, 3), compression='gzip')
    f['s'] = np.array(['a', 'b'], dtype=h5py.string_dtype()); f.attrs['t'] = 'text'
)py";

// Files whose addresses, lengths and nodes have other sizes than usual, and what h5py itself cannot
// ask for: argv is the folder. libhdf5 cannot read its own dense storage with lengths of 2, nor
// extents without end with lengths of 4.
constexpr const char* kMakeOtherSizes = R"py(
import sys, ctypes
import numpy as np, h5py
from h5py import h5d, h5f, h5p, h5s, h5t
folder = sys.argv[1]
lib = ctypes.CDLL(next(l.split()[-1] for l in open('/proc/self/maps') if '/libhdf5' in l and '_hl' not in l))
call = lambda f, p, *args: f(ctypes.c_int64(p.id), *args)

def create(name, bounds, sizes=(8, 8), k=None):
    fcpl, fapl = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    fcpl.set_sizes(*sizes)
    if k: call(lib.H5Pset_sym_k, fcpl, k, k); call(lib.H5Pset_istore_k, fcpl, k)
    fapl.set_libver_bounds(*bounds)
    return h5py.File(h5f.create(('%s/%s.h5' % (folder, name)).encode(), h5f.ACC_TRUNC, fcpl, fapl))

for name, *bounds in (('earliest', h5f.LIBVER_EARLIEST, h5f.LIBVER_V18), ('latest', h5f.LIBVER_LATEST, h5f.LIBVER_LATEST)):
    for sizes in ((2, 4), (4, 4), (2, 8), (8, 4)):
        with create('sizes_%d_%d_%s' % (*sizes, name), bounds, sizes) as f:
            f['g/a'] = np.arange(5, dtype='f4')
            f.attrs['texts'] = np.array(['a', 'bc'], dtype=h5py.string_dtype())
            f.attrs['reference'] = f['g'].ref
            f.create_dataset('chunks', data=np.arange(40), chunks=(10,), compression='gzip')
            f['soft'] = h5py.SoftLink('/g'); f['external'] = h5py.ExternalLink('a', 'b')
            for i in range(20): f['many/%d' % i] = h5py.SoftLink('/')
            if name == 'earliest': continue
            big = f.create_dataset('big', data=1)
            for i in range(10): big.attrs['small%d' % i] = i
            big.attrs.create('huge', np.arange(700, dtype='f8'))
            most = None if sizes[1] == 8 else 70
            f.create_dataset('two', data=np.arange(60).reshape(6, 10), chunks=(2, 2), maxshape=(most, most), compression='gzip')
            f.create_dataset('grows', data=np.arange(60), chunks=(2,), maxshape=(most,))
            f.create_dataset('fixed', data=np.arange(60), chunks=(2,), compression='gzip')
    with create('nodes_' + name, bounds, k=3) as f:
        for i in range(100): f['g/%d' % i] = i
        f.create_dataset('chunks', data=np.arange(400), chunks=(2,), compression='gzip')

# Chunks that reach over the extents are not filtered (H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS).
with create('edges', bounds) as f:
    for kind, most in (('fixed', (13, 17)), ('grows', (13, None)), ('both', (None, None))):
        p = h5p.create(h5p.DATASET_CREATE); p.set_chunk((4, 5)); p.set_deflate(6); call(lib.H5Pset_chunk_opts, p, 2)
        d = h5d.create(f.id, kind.encode(), h5t.STD_I32LE, h5s.create_simple((13, 17), tuple(h5s.UNLIMITED if n is None else n for n in most)), p)
        d.write(h5s.ALL, h5s.ALL, np.arange(13 * 17, dtype='<i4').reshape(13, 17))
)py";

void check_equal(const std::vector<std::string>& paths) {
  const auto wanted = h5py_listings(paths);
  std::size_t unreadable = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    CAPTURE(paths[i]);
    if (wanted[i] == "error") {
      ++unreadable;
      MESSAGE("h5py cannot read it: " << paths[i]);
      continue;
    }
    std::string seen;
    try {
      seen = parser_listing(paths[i]);
    } catch (const Error& e) {
      seen = e.what();
    }
    if (seen == wanted[i]) continue;
    const auto a = split(seen, "\n");
    const auto b = split(wanted[i], "\n");
    const auto first = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    const std::string ours(first.first == a.end() ? "" : *first.first);
    const std::string theirs(first.second == b.end() ? "" : *first.second);
    CHECK_MESSAGE(false, "ours:  ", ours, "\n  h5py:  ", theirs);
  }
  CHECK(unreadable == 0);
  MESSAGE(paths.size() << " files are read as h5py reads them");
}

std::vector<std::string> files_below(const std::filesystem::path& folder) {
  std::vector<std::string> paths;
  for (const auto& item : std::filesystem::recursive_directory_iterator(folder)) {
    const auto suffix = item.path().extension();
    if (item.is_regular_file() && (suffix == ".h5" || suffix == ".hdf5")) {
      paths.push_back(item.path().string());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

TEST_SUITE("formats/h5parse_oracle") {
  TEST_CASE("files of all structures and versions read as h5py reads them") {
    for (const std::string low : {"earliest", "v108", "v110", "latest"}) {
      const TempDir dir;
      run_python(kMake, {dir.path(), low});
      const auto paths = files_below(dir.path());
      CHECK(paths.size() == 9);
      check_equal(paths);
    }
  }

  TEST_CASE("numbers and nodes of other sizes and unfiltered edges read as h5py reads them") {
    const TempDir dir;
    run_python(kMakeOtherSizes, {dir.path()});
    const auto paths = files_below(dir.path());
    CHECK(paths.size() == 11);
    check_equal(paths);
  }

  TEST_CASE("shared messages, pages and other file-space strategies read as h5py reads them") {
    const TempDir dir;
    run_python(kMake, {dir.path(), "latest"});
    std::vector<std::string> paths;
    for (const std::string kind : {"groups", "attributes", "layouts"}) {
      const std::string from = dir / ("latest_" + kind + ".h5");
      const std::string shared = dir / ("shared_" + kind + ".h5");
      const std::string paged = dir / ("paged_" + kind + ".h5");
      REQUIRE(run({"h5repack", "-L", "--ssize=1", from, shared}).status == 0);
      REQUIRE(run({"h5repack", "-S", "PAGE", "-G", "4096", from, paged}).status == 0);
      paths.push_back(shared);
      paths.push_back(paged);
    }
    check_equal(paths);
  }

  TEST_CASE("every real HDF5 file reads as h5py reads it, those inside .keras files too") {
    const std::filesystem::path shared = CKPT_SHARED;
    if (!std::filesystem::exists(shared / "corpus")) {
      MESSAGE("SKIPPED: there is no " << (shared / "corpus").string());
      return;
    }
    const TempDir dir;
    run_python(R"py(
import sys, os, zipfile
out, n = sys.argv[1], 0
for root in sys.argv[2:]:
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            if not name.endswith('.keras'): continue
            try: z = zipfile.ZipFile(os.path.join(folder, name))
            except zipfile.BadZipFile: continue
            for member in z.namelist():
                if member.endswith('.h5'):
                    n += 1
                    open('%s/%04d.h5' % (out, n), 'wb').write(z.read(member))
)py",
               {dir.path(), shared / "corpus", shared / "models"});
    std::vector<std::string> paths = files_below(dir.path());
    for (const char* folder : {"corpus", "models"}) {
      const auto more = files_below(shared / folder);
      paths.insert(paths.end(), more.begin(), more.end());
    }
    CHECK(paths.size() > 300);
    check_equal(paths);
  }
}
