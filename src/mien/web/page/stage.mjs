/**
 * The picture or the camera's view, with a box and a caption for each face.
 *
 * @typedef {import('./client.mjs').Answer} Answer
 * @typedef {import('./client.mjs').FaceRecord} FaceRecord
 * @typedef {import('./colours.mjs').Colour} Colour
 * @typedef {import('./places.mjs').Rectangle} Rectangle
 * @typedef {import('./places.mjs').Size} Size
 */

import { cssColour, inkOn } from './colours.mjs';
import { byId, contextOf, make, setText } from './elements.mjs';
import { captionPlaces, isCrowded, shownSize } from './places.mjs';
import { probabilityText } from './words.mjs';

/** The height of a caption and the room beside its text, in CSS pixels; page.css has the same. */
const CAPTION_PX = 22;
const CAPTION_PAD_PX = 6;

/** How much of the window's height a picture may take. */
const MOST_HEIGHT = 0.7;

export class Stage {
  /** @param {(face: string) => void} choose hears which face was pointed at */
  constructor(choose) {
    this.choose = choose;
    this.root = byId('stage', HTMLElement);
    this.frame = byId('frame', HTMLElement);
    this.image = byId('picture', HTMLImageElement);
    this.video = byId('video', HTMLVideoElement);
    this.still = byId('still', HTMLCanvasElement);
    this.boxes = byId('boxes', HTMLElement);
    this.isMirrored = false;
    this.chosen = '';
    /** @type {Map<string, Colour>} */
    this.colours = new Map();
    /** @type {Answer | null} */
    this.answer = null;
    /** Of each face that is marked: its box and its caption.
     * @type {Map<string | null, {box: HTMLElement, caption: HTMLElement}>} */
    this.marks = new Map();
    /** @type {Size} */
    this.shown = { width: 0, height: 0 };
    this.address = '';
    this.measure = contextOf(make('canvas'));
    new ResizeObserver(() => this.layOut()).observe(this.root);
    addEventListener('resize', () => this.layOut());
  }

  /**
   * Show one of: the picture of a file, the camera, its last frame, nothing.
   *
   * @param {'picture' | 'camera' | 'still' | 'none'} what
   */
  show(what) {
    this.image.hidden = what !== 'picture';
    this.video.hidden = what !== 'camera';
    this.still.hidden = what !== 'still';
    this.frame.hidden = what === 'none';
    this.frame.classList.toggle('live', what === 'camera');
    if (what !== 'picture') {
      this.release();
    }
    this.answer = null;
    this.marks.clear();
    this.boxes.replaceChildren();
  }

  /**
   * Show a file that can be read.
   *
   * @param {File} file
   * @param {Answer} answer
   */
  showPicture(file, answer) {
    this.show('picture');
    this.release();
    this.address = URL.createObjectURL(file);
    this.image.src = this.address;
    this.image.alt = file.name;
    this.mark(answer);
  }

  /** Let go of the picture's memory. */
  release() {
    if (this.address !== '') {
      this.image.removeAttribute('src');
      URL.revokeObjectURL(this.address);
      this.address = '';
    }
  }

  /** Keep the camera's last frame, and its boxes, when the camera goes off. */
  freeze() {
    const { answer } = this;
    this.still.width = this.video.videoWidth || 1;
    this.still.height = this.video.videoHeight || 1;
    contextOf(this.still).drawImage(this.video, 0, 0);
    this.show('still');
    if (answer !== null) {
      this.mark(answer);
    }
  }

  /** @param {boolean} isMirrored whether left and right are swapped, as in a mirror */
  mirror(isMirrored) {
    this.isMirrored = isMirrored;
    this.frame.classList.toggle('mirrored', isMirrored);
    this.draw();
  }

  /** @param {Answer} answer what was found */
  mark(answer) {
    this.answer = answer;
    this.layOut();
  }

  /** @param {string} face which one stands out */
  choosing(face) {
    this.chosen = face;
    this.draw();
  }

  /** Whether the picture is wider than the stage. */
  get isScrolling() {
    return this.shown.width > this.root.clientWidth;
  }

  /** Fit picture and boxes into the room that there is. */
  layOut() {
    const { answer } = this;
    if (answer === null || answer.width === 0) {
      return;
    }
    const room = { width: this.root.clientWidth, height: Math.max(240, innerHeight * MOST_HEIGHT) };
    this.shown = shownSize(answer, room);
    this.frame.style.width = `${this.shown.width}px`;
    this.frame.style.height = `${this.shown.height}px`;
    // What scrolls must be reached by keyboard.
    this.root.classList.toggle('scrolls', this.isScrolling);
    this.root.tabIndex = this.isScrolling ? 0 : -1;
    this.draw();
  }

  draw() {
    const { answer } = this;
    if (answer === null) {
      return;
    }
    const scale = this.shown.width / answer.width;
    const faces = answer.records.filter((record) => record.box !== null);
    const boxes = faces.map((record) => this.placed(record.box ?? [], scale));
    let texts = faces.map((record) => captionText(record, faces.length));
    let places = captionPlaces(boxes, this.sizes(texts), this.shown);
    if (isCrowded(places, boxes)) {
      // In a crowd numbers must do: the list beside the picture has the rest.
      texts = faces.map(({ face }, k) => (face === this.chosen ? texts[k] : `${face}`));
      places = captionPlaces(boxes, this.sizes(texts), this.shown);
    }
    for (const [k, record] of faces.entries()) {
      this.markFace(record, boxes[k], places[k], texts[k]);
    }
    const shown = new Set(faces.map((record) => record.face));
    for (const [face, { box, caption }] of this.marks) {
      if (!shown.has(face)) {
        box.remove();
        caption.remove();
        this.marks.delete(face);
      }
    }
  }

  /**
   * Draw one face's box and caption; those of a camera's face glide from frame to frame.
   *
   * @param {FaceRecord} record
   * @param {Rectangle} rectangle
   * @param {Rectangle} captionPlace
   * @param {string} text
   */
  markFace({ face, label }, rectangle, captionPlace, text) {
    let marks = this.marks.get(face);
    if (marks === undefined) {
      marks = { box: this.marked('box'), caption: this.marked('caption') };
      marks.box.dataset.face = marks.caption.dataset.face = face ?? '';
      this.marks.set(face, marks);
    } else {
      marks.box.classList.add('settled');
      marks.caption.classList.add('settled');
    }
    const { box, caption } = marks;
    const colour = this.colours.get(label ?? '') ?? [204, 204, 204];
    const isOneOfMany = this.answer !== null && this.answer.records.length > 1;
    box.classList.toggle('chosen', isOneOfMany && face === this.chosen);
    box.style.setProperty('--class', cssColour(colour));
    caption.style.background = cssColour(colour);
    caption.style.color = inkOn(colour);
    setText(caption, text);
    place(box, rectangle);
    place(caption, captionPlace);
  }

  /**
   * Measure captions.
   *
   * @param {string[]} texts
   * @returns {Size[]}
   */
  sizes(texts) {
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(this.boxes);
    this.measure.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    return texts.map((text) => {
      const widest = text.replace(/\d/g, '0'); // page.css gives all digits this one's width
      return { width: Math.ceil(this.measure.measureText(widest).width) + 2 * CAPTION_PAD_PX, height: CAPTION_PX };
    });
  }

  /**
   * @param {'box' | 'caption'} className
   * @returns {HTMLElement} that can be pointed at
   */
  marked(className) {
    const element = make('div', className);
    element.addEventListener('click', () => this.choose(element.dataset.face ?? ''));
    this.boxes.append(element);
    return element;
  }

  /**
   * @param {number[]} box in pixels of the picture
   * @param {number} scale
   * @returns {Rectangle} on the stage, as far as the picture reaches
   */
  placed([x, y, width, height], scale) {
    let left = x * scale;
    let right = (x + width) * scale;
    if (this.isMirrored) {
      [left, right] = [this.shown.width - right, this.shown.width - left];
    }
    const bottom = Math.min((y + height) * scale, this.shown.height);
    return { left: Math.max(left, 0), top: Math.max(y * scale, 0), right: Math.min(right, this.shown.width), bottom };
  }
}

/**
 * @param {FaceRecord} record
 * @param {number} faces how many there are
 * @returns {string} as on annotated pictures; a single face needs no number
 */
function captionText(record, faces) {
  const number = faces > 1 ? `${record.face} ` : '';
  return `${number}${record.label} ${probabilityText(record.probability ?? 0)}`;
}

/**
 * @param {HTMLElement} element
 * @param {Rectangle} rectangle
 */
function place(element, { left, top, right, bottom }) {
  element.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
  element.style.width = `${(right - left).toFixed(1)}px`;
  element.style.height = `${(bottom - top).toFixed(1)}px`;
}
