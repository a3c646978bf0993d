/**
 * Small pictures to choose from, when there are several.
 *
 * @typedef {import('./pictures.mjs').Picture} Picture
 */

import { contextOf, make, setText } from './elements.mjs';
import { counted, spokenFaces } from './words.mjs';

/** The longer side of a small picture, in its own pixels: twice what is shown, for fine screens. */
const THUMB_PX = 144;

export class Strip {
  /**
   * @param {HTMLElement} root a list box
   * @param {(id: number) => void} choose hears which picture is wanted
   */
  constructor(root, choose) {
    this.root = root;
    this.choose = choose;
    /** @type {Map<number, HTMLElement>} */
    this.items = new Map();
    this.chosen = 0;
    /** Whether it is the only way back to the pictures. */
    this.isWayBack = false;
    root.addEventListener('keydown', (event) => this.key(event));
  }

  /** @param {Picture[]} pictures new ones */
  add(pictures) {
    for (const { id, file } of pictures) {
      const item = make('li', 'thumb waiting');
      item.id = `picture-${id}`;
      item.tabIndex = -1;
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      item.setAttribute('aria-label', `${file.name}, waiting`);
      item.append(make('canvas'), make('span', 'tag', '…'));
      item.addEventListener('click', () => this.choose(id));
      this.items.set(id, item);
      this.root.append(item);
    }
    this.showIfUseful();
  }

  /** Hide it where there is nothing to choose. */
  showIfUseful() {
    this.root.hidden = this.items.size < (this.isWayBack ? 1 : 2);
  }

  /** @param {Picture[]} pictures all that are left */
  keep(pictures) {
    const ids = new Set(pictures.map(({ id }) => id));
    for (const [id, item] of this.items) {
      if (!ids.has(id)) {
        item.remove();
        this.items.delete(id);
      }
    }
    this.showIfUseful();
  }

  /**
   * Show what was found in a picture.
   *
   * @param {Picture} picture
   */
  async update({ id, file, answer }) {
    const item = this.items.get(id);
    if (item === undefined || answer === null) {
      return;
    }
    const faces = answer.records.filter((record) => record.label !== null).length;
    const isRead = answer.width > 0;
    item.className = `thumb ${isRead ? 'read' : 'unread'}`;
    let tag = isRead ? 'no face' : 'unreadable';
    if (faces > 0) {
      tag = counted(faces, 'face');
    }
    setText(item.children[1], tag);
    item.setAttribute('aria-label', `${file.name}, ${isRead ? spokenFaces(answer.records) : 'unreadable'}`);
    item.title = file.name;
    const canvas = item.querySelector('canvas');
    if (isRead && canvas !== null && !item.classList.contains('drawn')) {
      item.classList.add('drawn');
      await drawThumb(canvas, file, answer.width, answer.height);
    }
  }

  /** @param {number} id */
  select(id) {
    const before = this.items.get(this.chosen);
    before?.setAttribute('aria-selected', 'false');
    if (before) {
      before.tabIndex = -1;
    }
    this.chosen = id;
    const item = this.items.get(id);
    if (item !== undefined) {
      item.setAttribute('aria-selected', 'true');
      item.tabIndex = 0;
      item.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }
  }

  /**
   * Move along with the arrow keys, as in every list box.
   *
   * @param {KeyboardEvent} event
   */
  key(event) {
    const ids = [...this.items.keys()];
    const at = ids.indexOf(this.chosen);
    /** @type {Record<string, number>} */
    const moves = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0 };
    moves.End = ids.length - 1;
    const wanted = moves[event.key];
    if (wanted !== undefined && ids[wanted] !== undefined) {
      event.preventDefault();
      this.choose(ids[wanted]);
      this.items.get(ids[wanted])?.focus();
    }
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Blob} file
 * @param {number} width of the upright picture
 * @param {number} height
 */
async function drawThumb(canvas, file, width, height) {
  const scale = THUMB_PX / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const bitmap = await createImageBitmap(file);
  contextOf(canvas).drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}
