/**
 * What a network's card says, in plain words.
 *
 * @typedef {{faces: number, accuracy: number, accuracy_interval: [number, number],
 *   without_duplicates: {accuracy: number, accuracy_interval: [number, number] | null, duplicates: number} | null,
 *   source: string, per_class: {name: string, faces: number, recall: number | null}[]}} Scores
 *
 * @typedef {object} Card the part of a bundle's `card.json` that is shown
 * @property {string} name
 * @property {boolean} synthetic
 * @property {string[]} classes
 * @property {{model: string, parameters: number}} network
 * @property {Record<string, {file: string, bytes: number, sha256: string}>} files
 * @property {{default: string, reason: string}} precision
 * @property {Record<string, Scores> & {split: string}} scores
 * @property {string[]} limits
 * @property {{data: {source: string, labels: string, votes: string | null, synthetic: boolean,
 *   training: Record<string, number>}}} training
 * @property {{weights: string, data: string}} licence
 * @property {Record<string, string>} versions
 */

import { percentage } from './words.mjs';

/**
 * The scores of the graph that the page uses.
 *
 * @param {Card} card
 * @returns {Scores}
 */
export function scoresOf(card) {
  return card.scores[card.precision.default];
}

/**
 * Say how often it is right.
 *
 * @param {Card} card
 * @returns {string}
 */
export function accuracyText(card) {
  const { faces, accuracy_interval: interval, source } = scoresOf(card);
  return (
    `of ${count(faces)} faces of ${source} that it had not learned from (split ${card.scores.split}) got the right ` +
    `label; 95\u00a0% interval ${span(interval)}.`
  );
}

/**
 * Say how often it is right without faces that it may know from training; empty where there are none.
 *
 * @param {Card} card
 * @returns {string}
 */
export function duplicatesText(card) {
  const rest = scoresOf(card).without_duplicates;
  if (rest === null || rest.duplicates === 0) {
    return '';
  }
  const interval = rest.accuracy_interval === null ? '' : ` (${span(rest.accuracy_interval)})`;
  const those = `the ${count(rest.duplicates)} that also occur elsewhere in the data`;
  return `Without ${those}: ${percentage(rest.accuracy)}${interval}.`;
}

/**
 * Say what it learned from.
 *
 * @param {Card} card
 * @returns {string}
 */
export function dataText(card) {
  const { source, labels, votes, synthetic, training } = card.training.data;
  let faces = 0;
  for (const name of card.classes) {
    faces += training[name] ?? 0;
  }
  if (synthetic) {
    return `It learned from ${count(faces)} drawn faces (${source}), not from real ones.`;
  }
  let whose = 'with the labels of that file';
  if (labels === 'ferplus') {
    whose = `with the label that most of FER+’s annotators gave (${votes})`;
  }
  return `It learned from ${count(faces)} faces (${source}), ${whose}.`;
}

/**
 * Which network it is, for a record's head.
 *
 * @param {Card} card
 * @returns {{name: string, version: string, sha256: string}}
 */
export function modelId(card) {
  return { name: card.name, version: card.versions.mien, sha256: card.files[card.precision.default].sha256 };
}

/**
 * @param {Card} card
 * @returns {[string, string][]} names and values
 */
export function factsOf(card) {
  const graph = card.files[card.precision.default];
  return [
    ['Network', card.network.model],
    ['Parameters', count(card.network.parameters)],
    ['Graph', `${graph.file}, ${(graph.bytes / 1e6).toFixed(1)} MB, ${card.precision.default}`],
    ['SHA-256', graph.sha256],
    ['Made by', `mien ${card.versions.mien}`],
    ['Licence of the weights', card.licence.weights],
    ['The data', card.licence.data],
  ];
}

/**
 * @param {[number, number]} interval
 * @returns {string}
 */
function span([low, high]) {
  return `${percentage(low)} to ${percentage(high)}`;
}

/**
 * @param {number} number
 * @returns {string}
 */
function count(number) {
  return number.toLocaleString('en-US');
}
