/**
 * Pictures as they are shown: one large, all small, and how far the work is.
 *
 * @typedef {import('./client.mjs').Options} Options
 * @typedef {import('./parts.mjs').Parts} Parts
 * @typedef {import('./pictures.mjs').Picture} Picture
 */

import { byId, setText } from './elements.mjs';
import { throttled } from './parts.mjs';
import { Pictures } from './pictures.mjs';
import { Strip } from './strip.mjs';
import { counted, spokenFaces, summary, whyNoFace } from './words.mjs';

/** The table is drawn at most so often, in milliseconds. */
const TABLE_MS = 500;

export class PicturesView {
  /**
   * @param {Parts} parts
   * @param {() => Options} options
   * @param {() => void} wanted hears that pictures are to be shown, not the camera
   */
  constructor(parts, options, wanted) {
    this.parts = parts;
    this.wanted = wanted;
    this.isShown = false;
    this.chosen = 0;
    this.pictures = new Pictures(
      parts.client,
      options,
      (picture) => this.onDone(picture),
      () => this.onEnded(),
    );
    this.strip = new Strip(byId('strip', HTMLElement), (id) => this.choose(id));
    this.progress = byId('progress', HTMLElement);
    this.bar = byId('bar', HTMLProgressElement);
    byId('stop', HTMLButtonElement).addEventListener('click', () => this.pictures.stop());
    this.drawTable = throttled(() => this.showTable(), TABLE_MS);
  }

  get isEmpty() {
    return this.pictures.all.length === 0;
  }

  /** @param {File[]} files */
  add(files) {
    const added = this.pictures.add(files);
    this.strip.add(added);
    this.choose(added[0].id);
    this.showProgress();
  }

  /** Look at all pictures anew. */
  restart() {
    if (!this.isEmpty) {
      this.pictures.restart();
      this.showProgress();
    }
  }

  clear() {
    this.pictures.clear();
    this.chosen = 0;
  }

  hide() {
    this.isShown = false;
  }

  /**
   * Show one picture large.
   *
   * @param {number} id
   */
  choose(id) {
    this.chosen = id;
    this.isShown = true;
    this.strip.select(id);
    this.wanted();
    this.showChosen();
    this.drawTable();
  }

  showChosen() {
    const { parts } = this;
    const picture = this.pictures.all.find((each) => each.id === this.chosen);
    if (picture === undefined) {
      return;
    }
    const { file, answer } = picture;
    parts.faces.clear();
    if (answer === null) {
      parts.notify('Looking…', file.name);
      return;
    }
    const [first] = answer.records;
    if (answer.width === 0) {
      const { heading, sentence } = whyNoFace(first, false);
      parts.notify(heading, sentence);
      setText(parts.caption, file.name);
      return;
    }
    parts.notice.hidden = true;
    parts.judge('');
    parts.stage.mirror(false);
    parts.stage.showPicture(file, answer);
    if (first.label === null) {
      const { heading, sentence } = whyNoFace(first, true);
      parts.judge(heading, sentence);
    }
    parts.faces.show(answer.records, answer.images);
    const size = `${answer.width} × ${answer.height} pixels`;
    const scroll = parts.stage.isScrolling ? ', scrolls sideways' : '';
    setText(parts.caption, `${file.name}, ${size}, ${(answer.ms / 1000).toFixed(2)} s${scroll}`);
  }

  /** @param {Picture} picture */
  onDone(picture) {
    this.strip.update(picture).catch(() => {}); // without a small picture the rest still works
    if (picture.id === this.chosen && this.isShown) {
      this.showChosen();
    }
    this.showProgress();
    this.drawTable();
  }

  onEnded() {
    this.strip.keep(this.pictures.all);
    this.showProgress();
    this.showTable(); // at once: what is saved now must be whole
    if (!this.isShown || this.isEmpty) {
      return;
    }
    const { all } = this.pictures;
    if (!all.some((picture) => picture.id === this.chosen)) {
      this.choose(all[0].id); // the one that was shown was not looked at any more
    }
    const [first] = all;
    const isOne = all.length === 1 && first.answer !== null;
    this.parts.speaker.say(isOne ? `${first.file.name}: ${this.spoken(first)}.` : `Done: ${this.summary()}.`);
  }

  /** @param {Picture} picture */
  spoken({ answer }) {
    if (answer === null || answer.width === 0) {
      return 'this file can’t be read';
    }
    return spokenFaces(answer.records);
  }

  showProgress() {
    const { all, isBusy } = this.pictures;
    const finished = this.pictures.finished();
    this.progress.hidden = !isBusy || all.length < 2;
    this.bar.max = Math.max(1, all.length);
    this.bar.value = finished;
    const text = `${finished.toLocaleString('en-US')} of ${counted(all.length, 'picture')}`;
    setText(byId('progress-text', HTMLElement), text);
    if (isBusy && all.length > 1) {
      this.parts.speaker.progress(text);
    }
  }

  showTable() {
    if (this.isShown) {
      this.parts.table.show(this.pictures.records(), this.summary(), false);
    }
  }

  summary() {
    return summary(this.pictures.records(), this.pictures.finished(), this.pictures.unreadable());
  }
}
