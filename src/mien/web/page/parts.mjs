/**
 * The parts of the page that pictures and the camera share, and the network in use.
 *
 * @typedef {import('./card_words.mjs').Card} Card
 * @typedef {import('./client.mjs').Client} Client
 * @typedef {import('./client.mjs').InUse} InUse
 * @typedef {import('./colours.mjs').Colour} Colour
 */

import { modelId } from './card_words.mjs';
import { coloursOf } from './colours.mjs';
import { byId, setText } from './elements.mjs';
import { Faces } from './faces.mjs';
import { Speaker } from './speech.mjs';
import { Stage } from './stage.mjs';
import { RecordTable } from './table.mjs';

export class Parts {
  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this.stage = new Stage((face) => this.faces.open(face));
    this.faces = new Faces(
      byId('faces', HTMLElement),
      (face) => this.stage.choosing(face),
      async (image, label) => (await this.client.explain(image, label)).map,
    );
    this.table = new RecordTable();
    this.speaker = new Speaker(byId('spoken', HTMLElement));
    this.caption = byId('caption', HTMLElement);
    this.notice = byId('notice', HTMLElement);
    this.verdict = byId('verdict', HTMLElement);
    /** @type {string[]} */
    this.classes = [];
    /** @type {Map<string, Colour>} */
    this.colours = new Map();
  }

  /**
   * Take the network that answers from now on.
   *
   * @param {InUse} inUse
   * @param {Card} card
   */
  use({ classes, warnings }, card) {
    this.classes = classes;
    this.colours = coloursOf(classes);
    this.stage.colours = this.colours;
    this.faces.use(classes, this.colours);
    this.table.use({ model: modelId(card), classes, warnings }, this.colours);
  }

  /**
   * Say something in place of a picture.
   *
   * @param {string} heading
   * @param {string} [sentence]
   */
  notify(heading, sentence = '') {
    this.stage.show('none');
    this.faces.clear();
    this.judge('');
    setText(this.caption, '');
    this.notice.hidden = heading === '';
    setText(this.notice.children[0], heading);
    setText(this.notice.children[1], sentence);
  }

  /**
   * Say something in place of the faces.
   *
   * @param {string} heading
   * @param {string} [sentence]
   */
  judge(heading, sentence = '') {
    this.verdict.hidden = heading === '';
    setText(this.verdict.children[0], heading);
    setText(this.verdict.children[1], sentence);
  }
}

/**
 * Say what went wrong, above everything; null takes it away.
 *
 * @param {string | null} sentence
 */
export function showTrouble(sentence) {
  const place = byId('trouble', HTMLElement);
  place.hidden = sentence === null;
  setText(place, sentence ?? '');
}

/**
 * Make a function that runs another one, but only so often: at once, or else as soon as it may again.
 *
 * @param {() => void} run
 * @param {number} pauseMs
 * @returns {() => void}
 */
export function throttled(run, pauseMs) {
  let timer = 0;
  let lastMs = -Infinity;
  function now() {
    timer = 0;
    lastMs = performance.now();
    run();
  }
  return () => {
    if (timer === 0) {
      timer = setTimeout(now, Math.max(0, lastMs + pauseMs - performance.now()));
    }
  };
}
