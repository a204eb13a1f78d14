// Prints every dataset of an HDF5 file as h5wasm reads it, as JSON: name -> dtype, shape, values.
//   node h5wasm_read.mjs FOLDER_OF_NODE_MODULES FILE
import { pathToFileURL } from "node:url";

const [folder, path] = process.argv.slice(2);
const { default: h5wasm } = await import(pathToFileURL(`${folder}/node_modules/h5wasm/dist/node/hdf5_hl.js`));
await h5wasm.ready;
const file = new h5wasm.File(path, "r");
const datasets = {};
for (const name of file.paths()) {
  const item = file.get(name);
  if (!(item instanceof h5wasm.Dataset)) continue;
  const { dtype, shape, value } = item;
  datasets[name] = { dtype, shape, values: ArrayBuffer.isView(value) ? [...value].map(Number) : [Number(value)] };
}
console.log(JSON.stringify(datasets));
