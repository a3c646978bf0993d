/**
 * The network's card: how often it is right, what it learned from, what it is not made for.
 *
 * @typedef {import('./card_words.mjs').Card} Card
 */

import { accuracyText, dataText, duplicatesText, factsOf, scoresOf } from './card_words.mjs';
import { byId, make, setText } from './elements.mjs';
import { percentage } from './words.mjs';

/**
 * Show a network's card.
 *
 * @param {Card} card
 */
export function showCard(card) {
  setText(byId('card-name', HTMLElement), card.name);
  setText(byId('card-accuracy', HTMLElement), percentage(scoresOf(card).accuracy));
  setText(byId('card-scores', HTMLElement), accuracyText(card));
  setText(byId('card-duplicates', HTMLElement), duplicatesText(card));
  setText(byId('card-data', HTMLElement), dataText(card));
  byId('card-limits', HTMLElement).replaceChildren(...card.limits.map((limit) => make('li', '', plain(limit))));
  byId('card-recalls', HTMLElement).replaceChildren(...scoresOf(card).per_class.map(recallRow));
  byId('card-facts', HTMLElement).replaceChildren(...factsOf(card).map(factRow));
}

/**
 * Show what a network was not made for, where it matters most: above its results.
 *
 * @param {string[]} warnings
 */
export function showWarnings(warnings) {
  const place = byId('warnings', HTMLElement);
  place.hidden = warnings.length === 0;
  place.replaceChildren(...warnings.map((sentence) => make('p', '', `${sentence}.`)));
}

/** @param {{name: string, faces: number, recall: number | null}} of a class */
function recallRow({ name, faces, recall }) {
  const row = make('tr');
  const heading = make('th', '', name);
  heading.scope = 'row';
  const track = make('span', 'track');
  const bar = make('i');
  bar.style.transform = `scaleX(${recall ?? 0})`;
  track.append(bar);
  const drawn = make('td', 'drawn');
  drawn.append(track);
  const share = recall === null ? '–' : percentage(recall, 0);
  row.append(heading, drawn, make('td', 'n', share), make('td', 'n', faces.toLocaleString('en-US')));
  return row;
}

/** @param {[string, string]} fact */
function factRow([name, value]) {
  const row = make('div');
  row.append(make('dt', '', name), make('dd', '', value));
  return row;
}

/**
 * Leave out the marks of code that a card's sentences have.
 *
 * @param {string} sentence
 * @returns {string}
 */
function plain(sentence) {
  return sentence.replaceAll('`', '');
}
