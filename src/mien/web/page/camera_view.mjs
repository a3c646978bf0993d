/**
 * The webcam as it is shown: live, its expressions over time, its records.
 *
 * @typedef {import('./client.mjs').Answer} Answer
 * @typedef {import('./client.mjs').FaceRecord} FaceRecord
 * @typedef {import('./client.mjs').Options} Options
 * @typedef {import('./parts.mjs').Parts} Parts
 */

import { Camera } from './camera.mjs';
import { drawChart } from './chart.mjs';
import { byId, setText } from './elements.mjs';
import { showTrouble, throttled } from './parts.mjs';
import { Timeline } from './timeline.mjs';
import { clock, counted } from './words.mjs';

const WAITING = 'Your browser asks whether this page may use it. The video stays on this device.';

/** So many records are kept, about half an hour of one face. */
const MOST_RECORDS = 20_000;

/** Table and chart are drawn at most so often, in milliseconds. */
const DRAW_MS = 400;

export class CameraView {
  /**
   * @param {Parts} parts
   * @param {() => Options} options
   * @param {() => void} wanted hears that the camera is to be shown, not pictures
   */
  constructor(parts, options, wanted) {
    this.parts = parts;
    this.wanted = wanted;
    this.camera = new Camera(parts.client, byId('video', HTMLVideoElement), options);
    this.camera.seen = (answer) => this.onFrame(answer);
    this.camera.stopped = (trouble) => this.onStopped(trouble);
    this.button = byId('camera', HTMLButtonElement);
    this.button.addEventListener('click', () => this.toggle());
    this.mirror = byId('mirror', HTMLInputElement);
    this.section = byId('over-time', HTMLElement);
    this.chart = byId('chart', HTMLCanvasElement);
    this.isShown = false;
    /** @type {FaceRecord[]} */
    this.records = [];
    this.timeline = new Timeline(0);
    this.drawLater = throttled(() => this.draw(), DRAW_MS);
    new ResizeObserver(() => this.drawLater()).observe(this.section);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.drawLater());
  }

  /** Forget what was seen so far: with another network its classes may be others. */
  reset() {
    this.records = [];
    this.timeline = new Timeline(this.parts.classes.length);
  }

  hide() {
    this.isShown = false;
    this.section.hidden = true;
    this.camera.close();
  }

  async toggle() {
    if (this.camera.isOn) {
      this.camera.close();
      return;
    }
    showTrouble(null);
    this.wanted();
    this.isShown = true;
    this.reset();
    this.parts.notify('Waiting for the camera…', WAITING);
    this.button.disabled = true;
    try {
      await this.camera.open();
    } catch (error) {
      this.parts.notify('The webcam is off', error instanceof Error ? error.message : String(error));
      this.parts.speaker.say(`The webcam is off. ${error instanceof Error ? error.message : ''}`);
      return;
    } finally {
      this.button.disabled = false;
    }
    if (!this.isShown) {
      this.camera.close(); // pictures came meanwhile
      return;
    }
    this.begin();
  }

  begin() {
    this.parts.notice.hidden = true;
    this.parts.stage.show('camera');
    this.parts.stage.mirror(this.mirror.checked);
    this.section.hidden = false;
    setText(this.button, 'Stop the webcam');
    this.parts.speaker.say('The webcam is on.');
    this.camera.begin();
  }

  /** @param {Answer} answer */
  onFrame(answer) {
    const { parts } = this;
    parts.stage.mark(answer);
    parts.faces.show(answer.records, answer.images);
    const faces = answer.records.filter((record) => record.probabilities !== null);
    parts.judge(faces.length === 0 ? 'No face' : '', 'Look into the camera, with light on your face.');
    const rows = faces.map(({ probabilities }) => parts.classes.map((name) => probabilities?.[name] ?? 0));
    this.timeline.add(answer.records[0].time_s ?? 0, rows);
    this.records.push(...answer.records);
    if (this.records.length > MOST_RECORDS) {
      this.records.splice(0, this.records.length - MOST_RECORDS);
    }
    const labels = faces.map(({ label }) => label).join(', ');
    parts.speaker.follow(faces.length === 0 ? 'No face.' : `${counted(faces.length, 'face')}: ${labels}.`);
    this.drawLater();
  }

  /** @param {string | null} trouble */
  onStopped(trouble) {
    setText(this.button, 'Use the webcam');
    showTrouble(trouble);
    if (this.isShown) {
      this.parts.stage.freeze();
      this.parts.speaker.say('The webcam is off.');
      this.drawLater();
    }
  }

  draw() {
    if (!this.isShown || this.section.hidden) {
      return;
    }
    const { parts, timeline, records } = this;
    drawChart(this.chart, timeline, parts.classes, parts.colours);
    const note =
      'One lane for each expression, from 0 to 1: its mean probability over all faces, ' +
      `every ${timeline.binS}\u00a0s, smoothed over 0.25\u00a0s. Blank where no face was found.`;
    setText(byId('chart-note', HTMLElement), note);
    const rate = this.camera.rate();
    const state = this.camera.isOn ? `${rate.toFixed(rate < 3 ? 1 : 0)} frames a second` : 'off';
    setText(parts.caption, `Webcam, ${clock(timeline.lastS)}, ${state}`);
    const left = records.length === MOST_RECORDS ? ', the newest of all' : '';
    parts.table.show(records, `${counted(records.length, 'record')} of the webcam${left}`, true);
  }
}
