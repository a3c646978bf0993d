/**
 * A bundle's network, ready to classify faces.
 *
 * @typedef {import('./session.mjs').Ort} Ort
 * @typedef {import('./session.mjs').Session} Session
 *
 * @typedef {object} Card the part of a bundle's `card.json` that is used here
 * @property {string} name
 * @property {boolean} synthetic whether the network learned from drawn faces
 * @property {string[]} classes class names in the order of the graph's output
 * @property {{crop_margin: number}} input
 * @property {{data: {training: Record<string, number>}}} training number of faces of each class that were learned from
 */

import { SIZE } from './resize.mjs';
import { openGraph } from './session.mjs';

/** So many faces are computed at a time. */
const BATCH = 64;

export class Network {
  /**
   * @param {Ort} ort
   * @param {Session} session of the bundle's graph
   * @param {Card} card
   */
  constructor(ort, session, card) {
    this.ort = ort;
    this.session = session;
    this.card = card;
  }

  /**
   * @param {Ort} ort prepared
   * @param {ArrayBuffer} graph the content of the graph that the card names as its default
   * @param {Card} card
   * @returns {Promise<Network>}
   */
  static async open(ort, graph, card) {
    return new Network(ort, await openGraph(ort, graph), card);
  }

  /**
   * Classify faces.
   *
   * @param {Uint8Array[]} images each grey, (48, 48)
   * @returns {Promise<Float32Array[]>} of each face the probability of each class, in the card's order
   */
  async classify(images) {
    const rows = [];
    for (let start = 0; start < images.length; start += BATCH) {
      const batch = images.slice(start, start + BATCH);
      const levels = new Uint8Array(batch.length * SIZE * SIZE);
      for (const [k, image] of batch.entries()) {
        levels.set(image, k * SIZE * SIZE);
      }
      const faces = new this.ort.Tensor('uint8', levels, [batch.length, SIZE, SIZE]);
      const { data } = (await this.session.run({ faces })).probabilities;
      const classes = this.card.classes.length;
      for (let at = 0; at < data.length; at += classes) {
        rows.push(data.slice(at, at + classes));
      }
    }
    return rows;
  }

  /**
   * Say what the network was not made for, in sentences: drawn faces, and classes that it never saw.
   *
   * @returns {string[]}
   */
  warnings() {
    const { name, synthetic, classes, training } = this.card;
    const found = [];
    if (synthetic) {
      found.push(`${name} learned from drawn faces alone: its labels say nothing of real ones`);
    }
    const missing = classes.filter((each) => !training.data.training[each]);
    if (missing.length > 0) {
      found.push(`${name} never saw a face of ${missing.join(' and ')}: it can't recognise that`);
    }
    return found;
  }
}
