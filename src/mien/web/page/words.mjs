/**
 * Numbers and marks of records in plain words.
 *
 * @typedef {import('./client.mjs').FaceRecord} FaceRecord
 */

/** @type {Map<string, string>} */
const FLAWS = new Map([
  ['dark', 'The face is very dark.'],
  ['pale', 'The face is very bright.'],
  ['blurred', 'The face is blurred.'],
  ['tiny', 'The face is tiny: 20 pixels or less.'],
  ['unsure', 'The detector is not sure of this face.'],
]);

/** @type {Map<string, string>} */
const CROPS = new Map([
  ['given', 'The whole picture is taken for the face, as the options say.'],
  ['assumed', 'The whole picture is taken for the face: at 48 pixels or less, it is too small to search.'],
]);

/**
 * Say what makes a label less sure; empty where nothing does.
 *
 * @param {FaceRecord} record
 * @returns {string[]} sentences
 */
export function flawNotes(record) {
  return record.quality.map((word) => FLAWS.get(word) ?? `The face is ${word}.`);
}

/**
 * Say how a face was found, where it was not found as usual.
 *
 * @param {FaceRecord} record
 * @returns {string[]} sentences
 */
export function foundNotes(record) {
  const notes = [];
  if (record.rotated) {
    notes.push(`Found after turning the picture by ${record.rotated}°, counter-clockwise.`);
  }
  if (record.crop !== null) {
    notes.push(CROPS.get(record.crop) ?? record.crop);
  }
  return notes;
}

/**
 * Write what a record has besides its label, short enough for a table's cell.
 *
 * @param {FaceRecord} record
 * @returns {string}
 */
export function cellNotes(record) {
  const notes = [...record.quality];
  if (record.rotated) {
    notes.push(`turned ${record.rotated}°`);
  }
  if (record.crop !== null) {
    notes.push(`crop ${record.crop}`);
  }
  if (record.reason !== null) {
    notes.push(withoutSource(record.reason, record.source));
  }
  return notes.join(', ');
}

/**
 * Say why a picture has no face, in a heading and a sentence.
 *
 * @param {FaceRecord} record
 * @param {boolean} isRead whether the picture could be read
 * @returns {{heading: string, sentence: string}}
 */
export function whyNoFace(record, isRead) {
  const reason = withoutSource(record.reason ?? '', record.source);
  if (!isRead) {
    return { heading: 'This file can’t be read', sentence: sentenceOf(reason) };
  }
  if (reason.startsWith('found but not wanted')) {
    return { heading: 'No face left', sentence: `Your options leave out what was found: ${reason.split(': ')[1]}.` };
  }
  if (reason.startsWith('too small')) {
    return { heading: 'No face found', sentence: `The picture is ${reason}.` };
  }
  const hints = 'A face must be at least 1/45 as wide as the picture is long. Try a brighter picture, or a part of it.';
  return { heading: 'No face found', sentence: hints };
}

/**
 * Leave out the file's name, which a reason may begin with: it stands beside it.
 *
 * @param {string} reason
 * @param {string} source
 * @returns {string}
 */
function withoutSource(reason, source) {
  return reason.startsWith(`${source}: `) ? reason.slice(source.length + 2) : reason;
}

/**
 * @param {string} text
 * @returns {string} with a capital and a full stop
 */
export function sentenceOf(text) {
  const end = /[.!?]$/.test(text) ? '' : '.';
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${end}`;
}

/**
 * Name the faces of a picture in one sentence, for those who hear the page.
 *
 * @param {FaceRecord[]} records
 * @returns {string}
 */
export function spokenFaces(records) {
  const faces = records.filter((record) => record.label !== null);
  if (faces.length === 0) {
    return 'no face';
  }
  const parts = faces.map((record) => `${record.label} ${probabilityText(record.probability ?? 0)}`);
  return `${counted(faces.length, 'face')}: ${parts.join('; ')}`;
}

/**
 * @param {number} p
 * @returns {string} with two digits, as on annotated pictures
 */
export function probabilityText(p) {
  return p.toFixed(2);
}

/**
 * @param {number} number
 * @param {string} noun in the singular
 * @returns {string}
 */
export function counted(number, noun) {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

/**
 * @param {number} share 0 to 1
 * @param {number} [digits]
 * @returns {string}
 */
export function percentage(share, digits = 1) {
  return `${(100 * share).toFixed(digits)}\u00a0%`;
}

/**
 * @param {number} seconds
 * @returns {string} minutes and seconds
 */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/**
 * Add up what was found in pictures.
 *
 * @param {FaceRecord[]} records
 * @param {number} pictures
 * @param {number} unreadable
 * @returns {string}
 */
export function summary(records, pictures, unreadable) {
  const faces = records.filter((record) => record.label !== null).length;
  const without = records.length - faces - unreadable;
  const parts = [counted(pictures, 'picture'), counted(faces, 'face')];
  if (without > 0) {
    parts.push(`${without.toLocaleString('en-US')} without a face`);
  }
  if (unreadable > 0) {
    parts.push(`${unreadable.toLocaleString('en-US')} unreadable`);
  }
  return parts.join(', ');
}
