/**
 * ONNX Runtime for the web, as far as it is used here.
 *
 * @typedef {object} Tensor
 * @property {Float32Array} data
 * @property {readonly number[]} dims
 *
 * @typedef {object} Session a graph that is ready to run
 * @property {(inputs: Record<string, Tensor>) => Promise<Record<string, Tensor>>} run
 *
 * @typedef {object} Ort the module `ort.wasm.bundle.min.mjs`
 * @property {{wasm: {numThreads?: number, proxy?: boolean, wasmBinary?: ArrayBuffer}}} env
 * @property {{create: (graph: Uint8Array, options: object) => Promise<Session>}} InferenceSession
 * @property {new (dtype: 'uint8' | 'float32', data: Uint8Array | Float32Array, dims: number[]) => Tensor} Tensor
 */

/**
 * Make ONNX Runtime ready to open graphs; it computes in the thread that calls it, and fetches nothing.
 *
 * @param {Ort} ort
 * @param {ArrayBuffer} wasm its compiled part, the file `ort-wasm-simd-threaded.wasm`
 */
export function prepareRuntime(ort, wasm) {
  ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.numThreads = 1; // more need headers that a file on a disk hasn't
  ort.env.wasm.proxy = false;
}

/**
 * Open a graph.
 *
 * @param {Ort} ort prepared
 * @param {ArrayBuffer} graph an ONNX file's content
 * @returns {Promise<Session>}
 */
export function openGraph(ort, graph) {
  return ort.InferenceSession.create(new Uint8Array(graph), { executionProviders: ['wasm'], logSeverityLevel: 3 });
}
