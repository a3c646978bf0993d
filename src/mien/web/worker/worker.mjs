/**
 * The page's worker: it takes pictures and frames, and answers with records; nothing leaves it but the answers.
 *
 * Each request has an `id` and a `kind`; each answer is `{id, result}`, or `{id, error}` with a sentence.
 *
 * @typedef {import('./network.mjs').Card} Card
 * @typedef {import('./reader.mjs').Answer} Answer
 * @typedef {import('./reader.mjs').Options} Options
 * @typedef {import('./session.mjs').Ort} Ort
 *
 * @typedef {{wasm: ArrayBuffer, yunet: ArrayBuffer}} RuntimeFiles ONNX Runtime's compiled part, and the detector's graph
 * @typedef {{card: Card, graph: ArrayBuffer}} Bundle
 *
 * @typedef {{kind: 'start', files: RuntimeFiles, networks: Record<string, Bundle>}} StartRequest
 * @typedef {{kind: 'use', network: string}} UseRequest
 * @typedef {{kind: 'picture', name: string, bitmap: ImageBitmap, options: Options}} PictureRequest
 * @typedef {{kind: 'frame', frame: ImageBitmap, frame_number: number, time_s: number,
 *   options: Options & {smooth_s: number}}} FrameRequest
 * @typedef {{kind: 'forget'}} ForgetRequest
 * @typedef {{kind: 'explain', image: Uint8Array, label: string}} ExplainRequest
 * @typedef {StartRequest | UseRequest | PictureRequest | FrameRequest | ForgetRequest | ExplainRequest} Request
 *
 * @typedef {Answer & {width: number, height: number}} Seen width and height of the upright picture
 */

import { YuNet } from './detect.mjs';
import { Network } from './network.mjs';
import { pixelsOf, requireTruePixels } from './pixels.mjs';
import { Reader } from './reader.mjs';
import { prepareRuntime } from './session.mjs';

/** What the page has given, and what is in use. */
class Desk {
  /**
   * @param {Ort} ort prepared
   * @param {YuNet} detector
   * @param {Record<string, Bundle>} bundles by the network's name
   */
  constructor(ort, detector, bundles) {
    this.ort = ort;
    this.detector = detector;
    this.bundles = bundles;
    /** @type {Map<string, Network>} */
    this.opened = new Map();
    /** @type {Reader | null} */
    this.reader = null;
  }

  /**
   * @param {RuntimeFiles} files
   * @param {Record<string, Bundle>} bundles
   * @returns {Promise<Desk>}
   */
  static async open(files, bundles) {
    requireTruePixels();
    const { ort } = /** @type {typeof globalThis & {ort: Ort}} */ (globalThis); // in the same script as the worker
    prepareRuntime(ort, files.wasm);
    return new Desk(ort, await YuNet.open(ort, files.yunet), bundles);
  }

  /**
   * Take another network, and forget all tracks.
   *
   * @param {string} name
   */
  async use(name) {
    const { card, graph } = this.bundles[name];
    const network = this.opened.get(name) ?? (await Network.open(this.ort, graph, card));
    this.opened.set(name, network);
    this.reader = new Reader(this.detector, network);
    return { network: name, classes: card.classes, warnings: network.warnings() };
  }

  /** @returns {Reader} */
  get reading() {
    if (this.reader === null) {
      throw new Error('no network is in use yet');
    }
    return this.reader;
  }
}

/** @type {Desk | null} */
let desk = null;

/**
 * @param {Request} request
 * @returns {Promise<object>}
 */
async function answerTo(request) {
  if (request.kind === 'start') {
    desk = await Desk.open(request.files, request.networks);
    return { networks: Object.keys(request.networks) };
  }
  if (desk === null) {
    throw new Error('the worker has not been started yet');
  }
  switch (request.kind) {
    case 'use':
      return desk.use(request.network);
    case 'picture':
      return seePicture(desk.reading, request);
    case 'frame':
      return seeFrame(desk.reading, request);
    case 'forget':
      desk.reading.forget();
      return {};
    case 'explain':
      return { map: await desk.reading.explain(request.image, request.label) };
  }
}

/**
 * @param {Reader} reader
 * @param {PictureRequest} request
 * @returns {Promise<Seen>}
 */
async function seePicture(reader, { name, bitmap, options }) {
  const picture = pixelsOf(bitmap);
  bitmap.close();
  const answer = await reader.readPicture(name, picture, options);
  return { ...answer, width: picture.width, height: picture.height };
}

/**
 * @param {Reader} reader
 * @param {FrameRequest} request
 * @returns {Promise<Seen>}
 */
async function seeFrame(reader, request) {
  const picture = pixelsOf(request.frame);
  request.frame.close();
  const answer = await reader.readFrame(picture, request.frame_number, request.time_s, request.options);
  return { ...answer, width: picture.width, height: picture.height };
}

/** The answer before, since one request is worked on after the other: a session runs one input at a time. */
let before = Promise.resolve();

/**
 * @param {Request & {id: number}} request
 */
async function reply(request) {
  try {
    postMessage({ id: request.id, result: await answerTo(request) });
  } catch (error) {
    postMessage({ id: request.id, error: error instanceof Error ? error.message : String(error) });
  }
}

addEventListener('message', (event) => {
  before = before.then(() => reply(event.data));
});
