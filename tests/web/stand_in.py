"""A page of a few lines in place of mien's: it unpacks its files, and its worker runs each network on one grey face."""

from pathlib import Path

from mien.workflows import page

HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>stand-in</title>
<!-- style -->
</head><body><output></output>
<!-- files -->
<!-- script -->
</body></html>
"""
SCRIPT = """import { bytesOf } from './files.mjs';
const named = (name) => document.querySelector(`[data-name="${name}"]`);
const source = await bytesOf(named('worker'));
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
const networks = [];
for (const card of document.querySelectorAll('[data-name="card"]')) {
  const network = card.dataset.network;
  const graph = document.querySelector(`[data-name="graph"][data-network="${CSS.escape(network)}"]`);
  networks.push([network, JSON.parse(new TextDecoder().decode(await bytesOf(card))), await bytesOf(graph)]);
}
worker.onerror = (event) => console.error('worker', event.message);
worker.onmessage = ({ data }) => {
  window.said = data;
  document.querySelector('output').textContent = JSON.stringify(data);
};
worker.postMessage({ wasm: await bytesOf(named('wasm')), networks });
"""
FILES = """export async function bytesOf(element) {
  const packed = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
"""
WORKER = """self.onmessage = async ({ data }) => {
  try {
    ort.env.wasm.wasmBinary = data.wasm;
    ort.env.wasm.numThreads = 1;
    const said = [];
    for (const [name, card, graph] of data.networks) {
      const session = await ort.InferenceSession.create(graph);
      const faces = new ort.Tensor('uint8', new Uint8Array(2304).map((_, i) => i % 251), [1, 48, 48]);
      const answer = await session.run({ [card.input.name]: faces });
      said.push({ name, card, probabilities: Array.from(answer[card.output.name].data) });
    }
    const sent = await fetch('https://example.org/').then(() => 'sent', () => 'refused');
    self.postMessage({ said, sent });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
"""


def write(folder: Path) -> Path:
    """Write the parts as they lie in `src/mien/web`, with the vendored runtime."""
    for name, text in {
        "page.html": HTML,
        "page.css": "output { white-space: pre-wrap; }\n",
        "page/page.mjs": SCRIPT,
        "page/files.mjs": FILES,
        "worker/worker.mjs": WORKER,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "vendor").symlink_to(page.WEB / "vendor")
    return folder
