/** The page's words, places and speech, which Python does not have. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accuracyText, dataText, duplicatesText } from '../../src/mien/web/page/card_words.mjs';
import { captionPlaces, isCrowded, shownSize } from '../../src/mien/web/page/places.mjs';
import { Speaker } from '../../src/mien/web/page/speech.mjs';
import { ticks } from '../../src/mien/web/page/timeline.mjs';
import { cellNotes, clock, flawNotes, foundNotes, summary, whyNoFace } from '../../src/mien/web/page/words.mjs';

const FACE = { source: 'a.jpg', label: 'happy', quality: [], rotated: 0, crop: null, reason: null };
const NO_FACE = { ...FACE, label: null, rotated: null, reason: 'no face found' };

test('marks of a record in plain words', () => {
  const record = { ...FACE, quality: ['dark', 'tiny'], rotated: 180, crop: 'assumed' };
  assert.deepEqual(flawNotes(record), ['The face is very dark.', 'The face is tiny: 20 pixels or less.']);
  assert.match(foundNotes(record)[0], /180°, counter-clockwise/);
  assert.match(foundNotes(record)[1], /too small to search/);
  assert.equal(cellNotes(record), 'dark, tiny, turned 180°, crop assumed');
  assert.deepEqual([...flawNotes(FACE), ...foundNotes(FACE)], []);
  assert.equal(cellNotes(FACE), '');
});

test('why there is no face', () => {
  assert.equal(whyNoFace(NO_FACE, true).heading, 'No face found');
  const unwanted = whyNoFace({ ...NO_FACE, reason: 'found but not wanted: 2 (min_px 60)' }, true);
  assert.equal(unwanted.sentence, 'Your options leave out what was found: 2 (min_px 60).');
  const small = whyNoFace({ ...NO_FACE, reason: 'too small: 8×8 pixels, at least 12 are needed' }, true);
  assert.equal(small.sentence, 'The picture is too small: 8×8 pixels, at least 12 are needed.');
  const damaged = whyNoFace({ ...NO_FACE, reason: 'a.jpg: damaged picture; get it again' }, false);
  assert.deepEqual(damaged, { heading: 'This file can’t be read', sentence: 'Damaged picture; get it again.' });
});

test('sums', () => {
  assert.equal(summary([FACE, FACE], 1, 0), '1 picture, 2 faces');
  assert.equal(summary([FACE, NO_FACE, NO_FACE], 3, 1), '3 pictures, 1 face, 1 without a face, 1 unreadable');
  assert.equal(clock(3661.9), '61:01');
});

test('ticks of the time axis', () => {
  assert.deepEqual(ticks(20, 10), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
  assert.ok(ticks(7200, 10).length <= 10);
});

test('a picture fits its room, a long one is as tall as faces need', () => {
  const room = { width: 800, height: 600 };
  assert.deepEqual(shownSize({ width: 4000, height: 3000 }, room), { width: 800, height: 600 });
  assert.deepEqual(shownSize({ width: 48, height: 48 }, room), { width: 384, height: 384 });
  assert.deepEqual(shownSize({ width: 8000, height: 800 }, room), { width: 2000, height: 200 });
  assert.deepEqual(shownSize({ width: 900, height: 90 }, room), { width: 900, height: 90 });
});

test('captions lie inside the picture and off each other', () => {
  const picture = { width: 300, height: 200 };
  const boxes = [
    { left: 0, top: 0, right: 60, bottom: 80 },
    { left: 240, top: 100, right: 300, bottom: 200 },
    { left: 200, top: 100, right: 235, bottom: 200 },
  ];
  const places = captionPlaces(boxes, Array(3).fill({ width: 110, height: 22 }), picture);
  for (const { left, top, right, bottom } of places) {
    assert.ok(left >= 0 && top >= 0 && right <= 300 && bottom <= 200);
  }
  assert.equal(isCrowded(places, boxes), false);
  const same = captionPlaces([boxes[0], boxes[0]], Array(2).fill({ width: 300, height: 200 }), picture);
  assert.equal(isCrowded(same, [boxes[0], boxes[0]]), true);
});

test('a screen reader hears of the camera when something lasts, and not too often', () => {
  const heard = [];
  const element = {
    set textContent(text) {
      heard.push(text);
    },
    get textContent() {
      return heard.at(-1) ?? '';
    },
  };
  const speaker = new Speaker(element);
  for (let frame = 0; frame < 200; frame += 1) {
    const label = frame < 100 ? 'happy' : 'sad';
    const flickers = frame % 10 === 5;
    speaker.follow(flickers && frame > 100 ? 'fear' : label, frame / 10);
  }
  assert.deepEqual(heard, ['happy']); // what flickers within a second is not said
  for (let frame = 200; frame < 300; frame += 1) {
    speaker.follow('sad', frame / 10);
  }
  assert.deepEqual(heard, ['happy', 'sad']);
  speaker.say('Stopped.', 30);
  speaker.progress('1 of 9', 31);
  speaker.progress('5 of 9', 39);
  assert.deepEqual(heard.slice(2), ['Stopped.', '5 of 9']);
});

test('a card in plain words', () => {
  const scores = {
    source: 'faces.csv',
    faces: 3199,
    accuracy: 0.87,
    accuracy_interval: [0.86, 0.88],
    without_duplicates: { accuracy: 0.85, accuracy_interval: [0.84, 0.86], duplicates: 251 },
  };
  const data = { source: 'faces.csv', labels: 'ferplus', votes: 'votes.csv', synthetic: false };
  const card = {
    classes: ['a', 'b'],
    precision: { default: 'int8' },
    scores: { split: 'test', int8: scores },
    training: { data: { ...data, training: { a: 1000, b: 500 } } },
  };
  assert.match(accuracyText(card), /^of 3,199 faces of faces.csv .* interval 86\.0\u00a0% to 88\.0\u00a0%\.$/);
  assert.match(duplicatesText(card), /^Without the 251 .*: 85\.0\u00a0% \(84\.0\u00a0% to 86\.0\u00a0%\)\.$/);
  assert.match(dataText(card), /^It learned from 1,500 faces \(faces.csv\), .*FER\+.*votes.csv/);
  card.training.data = { ...data, labels: 'own', votes: null, synthetic: true, training: { a: 3 } };
  assert.equal(dataText(card), 'It learned from 3 drawn faces (faces.csv), not from real ones.');
  scores.without_duplicates = null;
  assert.equal(duplicatesText(card), '');
});
