/**
 * Answers questions about the page's worker under Node: `node answers.mjs FOLDER` reads FOLDER/questions.json and prints
 * one JSON list of answers.  Pixels and graphs lie in files beside it.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { HEAD_BYTES, requireDecodable, whyUnreadable } from '../../src/mien/web/page/headers.mjs';
import { YuNet } from '../../src/mien/web/worker/detect.mjs';
import { Network } from '../../src/mien/web/worker/network.mjs';
import { general, roundTo } from '../../src/mien/web/worker/numbers.mjs';
import { detectFaces } from '../../src/mien/web/worker/orientations.mjs';
import { grey } from '../../src/mien/web/worker/raster.mjs';
import { Reader } from '../../src/mien/web/worker/reader.mjs';
import { resize, resizeToFace } from '../../src/mien/web/worker/resize.mjs';
import { prepareRuntime } from '../../src/mien/web/worker/session.mjs';
import { recordsOf } from '../../src/mien/web/worker/records.mjs';
import { Tracker } from '../../src/mien/web/worker/tracking.mjs';

const folder = process.argv[2];
const { runtime, network, questions } = JSON.parse(read('questions.json').toString());

/** @param {string} name */
function read(name) {
  return readFileSync(join(folder, name));
}

/** @param {string} name */
function buffer(name) {
  const content = read(name);
  return content.buffer.slice(content.byteOffset, content.byteOffset + content.length);
}

/** @param {{file: string, height: number, width: number, channels: number}} picture */
function raster({ file, height, width, channels }) {
  return { levels: new Uint8Array(buffer(file)), height, width, channels };
}

/** @param {Uint8Array} levels */
function base64(levels) {
  return Buffer.from(levels).toString('base64');
}

/** @param {{records: object[], images: (Uint8Array | null)[]}} answer */
function printed({ records, images }) {
  return { records, images: images.map((image) => (image === null ? null : base64(image))) };
}

async function openReader() {
  const ort = await import(pathToFileURL(join(folder, runtime.module)).href);
  prepareRuntime(ort, buffer(runtime.wasm));
  const detector = await YuNet.open(ort, buffer(runtime.yunet));
  return new Reader(detector, await Network.open(ort, buffer(network.graph), JSON.parse(read(network.card).toString())));
}

const reader = network === null ? null : await openReader();

/** @type {Record<string, (question: any) => any>} */
const ANSWERS = {
  round: ({ values, digits }) => values.map((value) => roundTo(value, digits)),
  general: ({ values }) => values.map(general),
  grey: ({ picture }) => base64(grey(raster(picture)).levels),
  resize: ({ picture, width, height, filter, gap }) => {
    return base64(resize(raster(picture), width, height, filter, gap ?? Infinity).levels);
  },
  face: ({ picture }) => base64(resizeToFace(raster(picture)).levels),
  detect: ({ picture, quarters, turn }) => detectFaces(raster(picture), reader.detector, quarters, turn),
  classify: async ({ picture }) => {
    const { levels } = raster(picture);
    const images = [];
    for (let at = 0; at < levels.length; at += 48 * 48) {
      images.push(levels.subarray(at, at + 48 * 48));
    }
    return (await reader.network.classify(images)).map((row) => Array.from(row));
  },
  picture: async ({ name, picture, options }) => printed(await reader.readPicture(name, raster(picture), options)),
  frame: async ({ picture, frame_number: frame, time_s: timeS, options }) => {
    return printed(await reader.readFrame(raster(picture), frame, timeS, options));
  },
  forget: () => reader.forget(),
  warnings: () => reader.network.warnings(),
  explain: async ({ picture, label }) => base64(await reader.explain(raster(picture).levels, label)),
  track: ({ frames, classes, smooth_s: smoothS }) => {
    const tracker = new Tracker();
    return frames.map((frame) => recordsOf(tracker.update(frame, frame.timeS, smoothS), classes));
  },
  refused: ({ file, name }) => {
    requireDecodable(new Uint8Array(buffer(file)), name);
    return null;
  },
  unreadable: ({ file, name }) => whyUnreadable(new Uint8Array(buffer(file)).subarray(0, HEAD_BYTES), name),
};

const answers = [];
for (const question of questions) {
  try {
    answers.push((await ANSWERS[question.kind](question)) ?? null);
  } catch (error) {
    answers.push({ error: error.message });
  }
}
process.stdout.write(JSON.stringify(answers));
