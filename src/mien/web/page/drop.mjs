/** Pictures that are chosen, dropped or pasted. */

import { byId } from './elements.mjs';

/**
 * Hear of pictures, however they come.
 *
 * @param {(files: File[]) => void} given
 */
export function listenForFiles(given) {
  const input = byId('files', HTMLInputElement);
  byId('choose', HTMLButtonElement).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = Array.from(input.files ?? []);
    input.value = ''; // so that the same file can be chosen again
    give(files, given);
  });
  addEventListener('paste', (event) => give(Array.from(event.clipboardData?.files ?? []), given));
  listenForDrops(given);
}

/** @param {(files: File[]) => void} given */
function listenForDrops(given) {
  const { body } = document;
  let depth = 0; // each element that the pointer enters says so
  addEventListener('dragenter', () => {
    depth += 1;
    body.classList.add('dropping');
  });
  addEventListener('dragleave', () => {
    depth -= 1;
    body.classList.toggle('dropping', depth > 0);
  });
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', async (event) => {
    event.preventDefault();
    depth = 0;
    body.classList.remove('dropping');
    give(await droppedFiles(event.dataTransfer), given);
  });
}

/**
 * @param {File[]} files
 * @param {(files: File[]) => void} given
 */
function give(files, given) {
  if (files.length > 0) {
    given(files);
  }
}

/**
 * Return the files that were dropped, and the pictures in folders.
 *
 * @param {DataTransfer | null} data
 * @returns {Promise<File[]>}
 */
async function droppedFiles(data) {
  const items = Array.from(data?.items ?? []);
  const entries = items.map((item) => item.webkitGetAsEntry()); // at once: they are gone after the first wait
  if (!entries.some((entry) => entry?.isDirectory)) {
    return Array.from(data?.files ?? []);
  }
  const files = [];
  for (const entry of entries) {
    if (entry !== null) {
      files.push(...(await filesOf(entry, false)));
    }
  }
  return files;
}

/**
 * @param {FileSystemEntry} entry
 * @param {boolean} isInside whether it lies in a folder, of which only pictures are taken
 * @returns {Promise<File[]>}
 */
async function filesOf(entry, isInside) {
  if (entry.isDirectory) {
    const inside = await entriesOf(/** @type {FileSystemDirectoryEntry} */ (entry));
    const found = [];
    for (const each of inside) {
      found.push(...(await filesOf(each, true)));
    }
    return found;
  }
  /** @type {File} */
  const file = await new Promise((resolve, reject) => {
    /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
  });
  const isWanted = !isInside || (file.type.startsWith('image/') && !file.name.startsWith('.'));
  return isWanted ? [file] : [];
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<FileSystemEntry[]>} in the order of names
 */
async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) {
      break;
    }
    found.push(...some);
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}
