/**
 * The files that stand in the page: packed with gzip, then written as base64.
 *
 * @typedef {import('./card_words.mjs').Card} Card
 * @typedef {{name: string, card: Card, graph: ArrayBuffer}} Network
 */

/**
 * Unpack one of the page's files.
 *
 * @param {string} name
 * @returns {Promise<ArrayBuffer>}
 */
export function unpackFile(name) {
  const found = document.querySelector(`script[data-name="${name}"]`);
  if (found === null) {
    throw new Error(`the page has no file called ${name}: it was not written whole`);
  }
  return unpacked(found);
}

/**
 * Unpack the networks, in the order in which they are offered.
 *
 * @returns {Promise<Network[]>}
 */
export async function unpackNetworks() {
  const networks = [];
  for (const element of document.querySelectorAll('script[data-name="card"]')) {
    const name = element.getAttribute('data-network') ?? '';
    const graph = document.querySelector(`script[data-name="graph"][data-network="${CSS.escape(name)}"]`);
    if (graph === null) {
      throw new Error(`the page has no graph of the network ${name}: it was not written whole`);
    }
    const card = JSON.parse(new TextDecoder().decode(await unpacked(element)));
    networks.push({ name, card, graph: await unpacked(graph) });
    element.remove();
  }
  return networks;
}

/**
 * @param {Element} element
 * @returns {Promise<ArrayBuffer>}
 */
async function unpacked(element) {
  const packed = Uint8Array.from(atob(element.textContent ?? ''), (letter) => letter.charCodeAt(0));
  element.textContent = ''; // megabytes that nobody needs any more
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
