/**
 * What a file says of itself before it is decoded, and why mien doesn't read it.
 *
 * The sentences are those of `mien.core.images` and `mien.core.picture_files`.
 */

import { withCommas } from './numbers.mjs';

/** A picture with more pixels than this is refused before it is decoded. */
const MAX_PIXELS = 64_000_000;

/** Of a picture with more pixels than this, Pillow says no more than their number. */
const BOMB_PIXELS = 178_956_970;

/** A JPEG in more passes over the whole picture takes minutes to decode. */
const MAX_SCANS = 100;

/** So many bytes say what kind of file it is. */
export const HEAD_BYTES = 256;

/** What the first box of a file says of its kind (ISO 14496-12, 4.3). */
const HEIF_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'];
const AVIF_BRANDS = ['avif', 'avis'];

/** How the files begin that Pillow reads, and most browsers don't. */
const OTHER_KINDS = [
  { start: 'II*\0', kind: 'TIFF' },
  { start: 'MM\0*', kind: 'TIFF' },
  { start: '\0\0\0\x0cjP  ', kind: 'JPEG 2000' },
  { start: '\xffO\xffQ', kind: 'JPEG 2000' },
  { start: 'P5', kind: 'PGM' },
  { start: 'P6', kind: 'PPM' },
];

/** A picture that can't be read; its message is a sentence for the record. */
export class Unreadable extends Error {}

/**
 * @typedef {object} Header
 * @property {number} width in pixels, as stored: EXIF may turn the picture
 * @property {number} height
 * @property {number} scans how many passes over the picture there are; 1 of any other kind than JPEG
 */

/**
 * Throw `Unreadable` for a file that is too large to decode.
 *
 * @param {Uint8Array} bytes the whole file of a JPEG, else its first 256 bytes
 * @param {string} name what to call it
 */
export function requireDecodable(bytes, name) {
  if (bytes.length === 0) {
    throw new Unreadable(`${name}: not a picture that Pillow can read (0 bytes)`);
  }
  const header = headerOf(bytes);
  if (header === null) {
    return;
  }
  requirePixels(header.width, header.height, name);
  if (header.scans > MAX_SCANS) {
    throw new Unreadable(
      `${name}: a JPEG in more than ${MAX_SCANS} scans, which takes minutes to decode; save it anew`,
    );
  }
}

/**
 * Throw `Unreadable` for a picture of too many pixels.
 *
 * @param {number} width
 * @param {number} height
 * @param {string} name what to call it
 */
export function requirePixels(width, height, name) {
  const pixels = width * height;
  if (pixels <= MAX_PIXELS) {
    return;
  }
  const size = pixels > BOMB_PIXELS ? withCommas(pixels) : `${width}×${height}`;
  throw new Unreadable(`${name}: ${size} pixels, at most ${withCommas(MAX_PIXELS)} are read; shrink it`);
}

/**
 * Say why a browser could not decode a file.
 *
 * @param {Uint8Array} head its first 256 bytes
 * @param {string} name what to call it
 * @returns {string}
 */
export function whyUnreadable(head, name) {
  const damaged = `${name}: damaged picture; get the file again or leave it out`;
  if (headerOf(head) !== null || isJpeg(head)) {
    return damaged;
  }
  const brands = brandsOf(head);
  if (brands.some((brand) => AVIF_BRANDS.includes(brand))) {
    return damaged;
  }
  if (brands.some((brand) => HEIF_BRANDS.includes(brand))) {
    return notInBrowser(name, 'HEIC');
  }
  const start = textOf(head, 0, 12);
  if (brands.length > 0 || start.startsWith('\x1aE\xdf\xa3') || textOf(head, 8, 4) === 'AVI ') {
    return `${name}: not a picture but a video or sound; a video needs an ending such as .mp4`;
  }
  for (const other of OTHER_KINDS) {
    if (start.startsWith(other.start)) {
      return notInBrowser(name, other.kind);
    }
  }
  return `${name}: not a picture that Pillow can read`;
}

/**
 * @param {string} name
 * @param {string} kind
 * @returns {string}
 */
function notInBrowser(name, kind) {
  return `${name}: a picture in ${kind}, which this browser can't read; save it as JPEG or PNG`;
}

/**
 * Whether a file begins as a JPEG does, whose header may lie anywhere in it.
 *
 * @param {Uint8Array} bytes
 * @returns {boolean}
 */
export function isJpeg(bytes) {
  return textOf(bytes, 0, 3) === '\xff\xd8\xff';
}

/**
 * Read the size that a PNG, GIF, WebP, BMP or JPEG says it has; null of another kind, or where it is cut off.
 *
 * @param {Uint8Array} bytes
 * @returns {Header | null}
 */
function headerOf(bytes) {
  if (isJpeg(bytes)) {
    return jpegHeader(bytes);
  }
  if (bytes.length < 30) {
    return null;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = textOf(bytes, 0, 8);
  if (start === '\x89PNG\r\n\x1a\n') {
    return { width: view.getUint32(16), height: view.getUint32(20), scans: 1 };
  }
  if (start.startsWith('GIF87a') || start.startsWith('GIF89a')) {
    return { width: view.getUint16(6, true), height: view.getUint16(8, true), scans: 1 };
  }
  if (start.startsWith('BM')) {
    return { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)), scans: 1 };
  }
  if (start.startsWith('RIFF') && textOf(bytes, 8, 4) === 'WEBP') {
    return webpHeader(view, textOf(bytes, 12, 4));
  }
  return null;
}

/**
 * @param {DataView} view of the file
 * @param {string} kind of its first chunk (RFC 9649, 2.5 to 2.7)
 * @returns {Header | null}
 */
function webpHeader(view, kind) {
  if (kind === 'VP8 ') {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, scans: 1 };
  }
  if (kind === 'VP8L') {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, scans: 1 };
  }
  if (kind === 'VP8X') {
    const width = view.getUint16(24, true) + (view.getUint8(26) << 16) + 1;
    const height = view.getUint16(27, true) + (view.getUint8(29) << 16) + 1;
    return { width, height, scans: 1 };
  }
  return null;
}

/**
 * Read a JPEG's size and count its scans (ITU-T T.81, B.1.1).
 *
 * @param {Uint8Array} bytes
 * @returns {Header | null}
 */
function jpegHeader(bytes) {
  let header = null;
  let scans = 0;
  let at = 2;
  while (at + 4 <= bytes.length) {
    const code = bytes[at + 1];
    // Within a scan a marker without a length restarts the decoder, and 0 stands for a level of 255.
    const isMarker = bytes[at] === 0xff && code !== 0 && code !== 0xff && !(code >= 0xd0 && code <= 0xd8);
    if (!isMarker) {
      at += 1;
      continue;
    }
    if (code === 0xd9) {
      break; // the end of the picture
    }
    if (code === 0xda) {
      scans += 1;
    }
    const isFrame = code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;
    if (isFrame && header === null && at + 9 <= bytes.length) {
      const height = (bytes[at + 5] << 8) | bytes[at + 6];
      const width = (bytes[at + 7] << 8) | bytes[at + 8];
      header = { width, height };
    }
    at += 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  }
  return header === null ? null : { ...header, scans };
}

/**
 * Return the brands in the first box of a file such as MP4, HEIC or AVIF.
 *
 * @param {Uint8Array} head
 * @returns {string[]}
 */
function brandsOf(head) {
  const brands = [];
  if (textOf(head, 4, 4) === 'ftyp') {
    const size = new DataView(head.buffer, head.byteOffset).getUint32(0);
    for (let at = 8; at < Math.min(size, head.length); at += 4) {
      brands.push(textOf(head, at, 4));
    }
  }
  return brands;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} length
 * @returns {string} one letter per byte
 */
function textOf(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
