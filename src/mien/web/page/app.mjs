/**
 * What the page is doing: nothing yet, showing pictures, or showing the camera.
 *
 * @typedef {import('./files.mjs').Network} Network
 */

import { CameraView } from './camera_view.mjs';
import { showCard, showWarnings } from './card.mjs';
import { Client } from './client.mjs';
import { cssColour } from './colours.mjs';
import { listenForFiles } from './drop.mjs';
import { byId, make, setText } from './elements.mjs';
import { unpackFile, unpackNetworks } from './files.mjs';
import { OptionsForm } from './options.mjs';
import { Parts, showTrouble } from './parts.mjs';
import { PicturesView } from './pictures_view.mjs';
import { sentenceOf } from './words.mjs';

export class App {
  /**
   * @param {Client} client a started worker
   * @param {Network[]} networks the first is used at once
   */
  constructor(client, networks) {
    this.client = client;
    this.networks = networks;
    this.parts = new Parts(client);
    this.options = new OptionsForm(
      () => this.pictures.restart(),
      (isMirrored) => this.mirror(isMirrored),
    );
    const read = () => this.options.read();
    this.pictures = new PicturesView(this.parts, read, () => this.view('pictures'));
    this.camera = new CameraView(this.parts, read, () => this.view('camera'));
    this.clear = byId('clear', HTMLButtonElement);
    this.clear.addEventListener('click', () => this.empty());
    this.select = byId('network', HTMLSelectElement);
    for (const { name } of networks) {
      const option = make('option', '', name);
      option.value = name;
      this.select.append(option);
    }
    this.select.disabled = networks.length < 2;
    this.select.addEventListener('change', () => this.use(this.select.value));
  }

  /**
   * Show nothing, pictures or the camera.
   *
   * @param {'empty' | 'pictures' | 'camera'} wanted
   */
  view(wanted) {
    document.body.dataset.view = wanted;
    this.pictures.strip.isWayBack = wanted === 'camera';
    this.pictures.strip.showIfUseful();
    byId('place-column', HTMLElement).textContent = wanted === 'camera' ? 'Time' : 'Picture';
    this.clear.hidden = wanted === 'empty';
    if (wanted !== 'pictures') {
      this.pictures.hide();
    }
    if (wanted !== 'camera') {
      this.camera.hide();
    }
  }

  /** Forget everything that was given. */
  empty() {
    this.view('empty');
    this.camera.reset();
    this.pictures.clear();
    this.parts.notify('');
    this.parts.table.show([], '', false);
    this.parts.speaker.say('All pictures and records are forgotten.');
    byId('choose', HTMLButtonElement).focus();
  }

  /** @param {boolean} isMirrored */
  mirror(isMirrored) {
    if (this.camera.isShown) {
      this.parts.stage.mirror(isMirrored);
    }
  }

  /**
   * Take a network, and look at everything anew with it.
   *
   * @param {string} name
   */
  async use(name) {
    const { card } = this.networks.find((network) => network.name === name) ?? this.networks[0];
    const wasOn = await this.camera.camera.halt();
    const inUse = await this.client.use(name);
    this.parts.use(inUse, card);
    this.camera.reset();
    showCard(card);
    showWarnings(inUse.warnings);
    this.showLegend();
    this.pictures.restart();
    if (wasOn) {
      this.camera.camera.begin();
    }
  }

  showLegend() {
    const items = this.parts.classes.map((name) => {
      const item = make('li');
      const dot = make('i', 'dot');
      dot.style.background = cssColour(this.parts.colours.get(name) ?? [204, 204, 204]);
      item.append(dot, name);
      return item;
    });
    byId('legend', HTMLElement).replaceChildren(...items);
  }
}

/** Start the worker with the page's files; pictures may be given meanwhile. */
export async function begin() {
  const ready = start();
  listenForFiles(async (files) => (await ready)?.pictures.add(files));
  byId('licences', HTMLElement).addEventListener('toggle', showLicences, { once: true });
  await ready;
}

/** @returns {Promise<App | null>} null where it can't work; the page then says why */
async function start() {
  const status = byId('loading', HTMLElement);
  try {
    const client = new Client(await unpackFile('worker'));
    const networks = await unpackNetworks();
    const files = { wasm: await unpackFile('wasm'), yunet: await unpackFile('yunet') };
    /** @type {Record<string, {card: object, graph: ArrayBuffer}>} */
    const bundles = Object.fromEntries(networks.map(({ name, card, graph }) => [name, { card, graph }]));
    await client.start(files, bundles);
    const app = new App(client, networks);
    await app.use(networks[0].name);
    status.hidden = true;
    document.body.dataset.ready = 'true';
    return app;
  } catch (error) {
    status.hidden = true;
    const why = error instanceof Error ? error.message : String(error);
    showTrouble(`This page can’t work in this browser. ${sentenceOf(why)}`);
    return null;
  }
}

async function showLicences() {
  const text = new TextDecoder().decode(await unpackFile('licences'));
  setText(byId('licence-text', HTMLElement), text);
}
