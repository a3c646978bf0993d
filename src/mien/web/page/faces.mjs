/**
 * The faces of the picture that is shown: label, a bar for each class, what makes the label less sure, and why.
 *
 * @typedef {import('./client.mjs').FaceRecord} FaceRecord
 * @typedef {import('./colours.mjs').Colour} Colour
 */

import { cssColour } from './colours.mjs';
import { make, setText } from './elements.mjs';
import { drawFace } from './heat.mjs';
import { flawNotes, foundNotes, probabilityText } from './words.mjs';

export class Faces {
  /**
   * @param {HTMLElement} root a list
   * @param {(face: string) => void} choose hears which face was opened
   * @param {(image: Uint8Array, label: string) => Promise<Uint8Array>} explain
   */
  constructor(root, choose, explain) {
    this.root = root;
    this.choose = choose;
    this.explain = explain;
    /** @type {string[]} */
    this.classes = [];
    /** @type {Map<string, Colour>} */
    this.colours = new Map();
    /** @type {Map<string, FaceRow>} */
    this.rows = new Map();
  }

  /**
   * @param {string[]} classes
   * @param {Map<string, Colour>} colours
   */
  use(classes, colours) {
    this.classes = classes;
    this.colours = colours;
    this.clear();
  }

  clear() {
    this.rows.clear();
    this.root.replaceChildren();
  }

  /**
   * Show faces; those that were shown before keep their place, so that the keyboard's focus stays.
   *
   * @param {FaceRecord[]} records
   * @param {(Uint8Array | null)[]} images
   */
  show(records, images) {
    const left = new Set(this.rows.keys());
    for (const [k, record] of records.entries()) {
      const image = images[k];
      if (record.face === null || image === null) {
        continue;
      }
      left.delete(record.face);
      let row = this.rows.get(record.face);
      if (row === undefined) {
        row = new FaceRow(this, record.face);
        this.rows.set(record.face, row);
        this.root.append(row.root);
      }
      row.update(record, image);
    }
    for (const face of left) {
      this.rows.get(face)?.root.remove();
      this.rows.delete(face);
    }
    this.root.classList.toggle('single', this.rows.size === 1);
    const isOneOpen = [...this.rows.values()].some((row) => row.isOpen());
    const [first] = this.rows.keys();
    if (!isOneOpen && first !== undefined) {
      this.open(first);
    }
  }

  /**
   * Open one face's row, and close the others.
   *
   * @param {string} face
   */
  open(face) {
    for (const [number, row] of this.rows) {
      row.open(number === face);
    }
    this.choose(face);
  }
}

class FaceRow {
  /**
   * @param {Faces} faces
   * @param {string} face its number
   */
  constructor(faces, face) {
    this.faces = faces;
    this.root = make('li', 'face');
    const heading = make('h3');
    this.button = make('button', 'head');
    this.button.type = 'button';
    this.crop = make('canvas', 'crop');
    this.crop.setAttribute('aria-hidden', 'true');
    this.label = make('span', 'label');
    this.value = make('span', 'value');
    const name = make('span', 'name');
    name.append(make('span', 'number', `Face ${face}`), this.label);
    this.button.append(this.crop, name, this.value);
    heading.append(this.button);
    this.detail = make('div', 'detail');
    this.detail.id = `face-${face}`;
    this.button.setAttribute('aria-controls', this.detail.id);
    this.bars = make('ul', 'bars');
    this.notes = make('ul', 'notes');
    this.why = new Why(faces.explain);
    this.detail.append(this.bars, this.notes, this.why.root);
    this.strip = make('div', 'mix');
    this.strip.setAttribute('aria-hidden', 'true');
    this.root.append(heading, this.strip, this.detail);
    /** @type {{value: HTMLElement, bar: HTMLElement, part: HTMLElement}[]} */
    this.classes = faces.classes.map((name_) => this.addClass(name_));
    this.button.addEventListener('click', () => this.faces.open(face));
    this.open(false);
  }

  /** @param {string} name */
  addClass(name) {
    const colour = cssColour(this.faces.colours.get(name) ?? [204, 204, 204]);
    const row = make('li');
    const track = make('span', 'track');
    track.setAttribute('aria-hidden', 'true');
    const bar = make('i');
    bar.style.background = colour;
    track.append(bar);
    const value = make('span', 'value');
    const title = make('span', 'class', name);
    title.title = name; // a long one is cut off
    row.append(title, track, value);
    this.bars.append(row);
    const part = make('i');
    part.style.background = colour;
    this.strip.append(part);
    return { value, bar, part };
  }

  isOpen() {
    return !this.detail.hidden;
  }

  /** @param {boolean} isOpen */
  open(isOpen) {
    this.detail.hidden = !isOpen;
    this.root.classList.toggle('open', isOpen);
    this.button.setAttribute('aria-expanded', String(isOpen));
  }

  /**
   * @param {FaceRecord} record
   * @param {Uint8Array} image
   */
  update(record, image) {
    drawFace(this.crop, image, null);
    const label = record.label ?? '';
    setText(this.label, label);
    setText(this.value, probabilityText(record.probability ?? 0));
    for (const [k, name] of this.faces.classes.entries()) {
      const p = record.probabilities?.[name] ?? 0;
      const { value, bar, part } = this.classes[k];
      setText(value, probabilityText(p));
      bar.style.transform = `scaleX(${p.toFixed(4)})`;
      part.style.flexGrow = p.toFixed(4);
    }
    this.showNotes(record);
    this.why.use(image, label);
  }

  /** @param {FaceRecord} record */
  showNotes(record) {
    const flaws = flawNotes(record);
    const notes = [...flaws.map((text) => `${text} The label is less sure.`), ...foundNotes(record)];
    if (notes.join('\n') === Array.from(this.notes.children, (note) => note.textContent).join('\n')) {
      return;
    }
    this.notes.replaceChildren(...notes.map((text, k) => make('li', k < flaws.length ? 'flaw' : '', text)));
  }
}

/** The button "Why?", and the map that it shows. */
class Why {
  /** @param {(image: Uint8Array, label: string) => Promise<Uint8Array>} explain */
  constructor(explain) {
    this.explain = explain;
    /** @type {Uint8Array | null} */
    this.image = null;
    this.label = '';
    this.root = make('div', 'why');
    this.button = make('button', 'plain');
    this.button.type = 'button';
    this.shown = make('div', 'map');
    this.shown.setAttribute('aria-live', 'polite');
    this.root.append(this.button, this.shown);
    this.button.addEventListener('click', () => this.show());
  }

  /**
   * @param {Uint8Array} image
   * @param {string} label
   */
  use(image, label) {
    this.image = image;
    this.label = label;
    setText(this.button, `Why ${label}?`);
  }

  async show() {
    const { image, label } = this;
    if (image === null) {
      return;
    }
    this.button.disabled = true;
    setText(this.shown, 'Covering one part of the face after the other…');
    try {
      this.draw(image, await this.explain(image, label), label);
    } catch (error) {
      setText(this.shown, error instanceof Error ? error.message : String(error));
    }
    this.button.disabled = false;
    this.button.focus();
  }

  /**
   * @param {Uint8Array} image
   * @param {Uint8Array} map
   * @param {string} label
   */
  draw(image, map, label) {
    const pair = make('div', 'pair');
    for (const heat of [null, map]) {
      const canvas = make('canvas');
      drawFace(canvas, image, heat);
      canvas.setAttribute('role', 'img');
      const what = heat === null ? 'The face as the network sees it' : `The parts that speak for ${label}, in colour`;
      canvas.setAttribute('aria-label', what);
      pair.append(canvas);
    }
    const text =
      `The brighter the colour, the more the score of ${label} fell when that part was covered. This shows what the ` +
      'network used here, not whether it is right, and nothing of what the person feels.';
    this.shown.replaceChildren(pair, make('p', 'fine', text));
  }
}
