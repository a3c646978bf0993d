/**
 * What a file says of itself before it is decoded, and why mien doesn't read it.
 *
 * The sentences are those of `mien.core.images` and `mien.core.picture_files`.
 */

/** A picture with more pixels than this is refused before it is decoded. */
const MAX_PIXELS = 64_000_000;

/** Of a picture with more pixels than this, Pillow says no more than their number. */
const BOMB_PIXELS = 178_956_970;

/** A JPEG in more passes over the whole picture takes minutes to decode. */
const MAX_SCANS = 100;

/** So many bytes say what kind of file it is, and how large a picture of any other kind than JPEG. */
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

/**
 * @typedef {object} Header
 * @property {number} width in pixels, as stored: EXIF may turn the picture
 * @property {number} height
 * @property {number} scans how many passes over the picture there are; 1 of any other kind than JPEG
 * @property {boolean} isWhole whether the file reaches to the picture's end
 */

/**
 * Throw an error for a file that is too large to decode, or that was cut off: some browsers decode what is left.
 *
 * @param {Uint8Array} bytes the whole file
 * @param {string} name what to call it
 */
export function requireDecodable(bytes, name) {
  if (bytes.length === 0) {
    throw new Error(`${name}: not a picture that Pillow can read (0 bytes)`);
  }
  const header = headerOf(bytes);
  if (header === null) {
    return;
  }
  requirePixels(header.width, header.height, name);
  if (header.scans > MAX_SCANS) {
    throw new Error(
      `${name}: a JPEG in more than ${MAX_SCANS} scans, which takes minutes to decode; save it anew`,
    );
  }
  if (!header.isWhole) {
    throw new Error(damaged(name));
  }
}

/**
 * Throw an error for a picture of too many pixels.
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
  const size = pixels > BOMB_PIXELS ? pixels.toLocaleString('en-US') : `${width}×${height}`;
  throw new Error(`${name}: ${size} pixels, at most ${MAX_PIXELS.toLocaleString('en-US')} are read; shrink it`);
}

/**
 * Say why a browser could not decode a file.
 *
 * @param {Uint8Array} head its first 256 bytes
 * @param {string} name what to call it
 * @returns {string}
 */
export function whyUnreadable(head, name) {
  if (isPicture(head)) {
    return damaged(name);
  }
  const brands = brandsOf(head);
  if (brands.some((brand) => AVIF_BRANDS.includes(brand))) {
    return damaged(name);
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
 * @returns {string}
 */
function damaged(name) {
  return `${name}: damaged picture; get the file again or leave it out`;
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
 * Whether a file begins as a PNG, GIF, WebP, BMP or JPEG does.
 *
 * @param {Uint8Array} head its first 256 bytes
 * @returns {boolean}
 */
export function isPicture(head) {
  return isJpeg(head) || headerOf(head) !== null;
}

/**
 * Whether a file begins as a JPEG does, whose header may lie anywhere in it.
 *
 * @param {Uint8Array} bytes
 * @returns {boolean}
 */
function isJpeg(bytes) {
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
    return { width: view.getUint32(16), height: view.getUint32(20), scans: 1, isWhole: isWholePng(bytes, view) };
  }
  if (start.startsWith('GIF87a') || start.startsWith('GIF89a')) {
    const width = view.getUint16(6, true);
    return { width, height: view.getUint16(8, true), scans: 1, isWhole: isWholeGif(bytes) };
  }
  if (start.startsWith('BM')) {
    return bmpHeader(view);
  }
  if (start.startsWith('RIFF') && textOf(bytes, 8, 4) === 'WEBP') {
    const size = webpSize(view, textOf(bytes, 12, 4));
    const end = 8 + view.getUint32(4, true);
    return size && { ...size, scans: 1, isWhole: end <= bytes.length };
  }
  return null;
}

/**
 * Whether a PNG has its last chunk (PNG specification, 5.3).
 *
 * @param {Uint8Array} bytes
 * @param {DataView} view of the same
 * @returns {boolean}
 */
function isWholePng(bytes, view) {
  let at = 8;
  while (at + 8 <= bytes.length) {
    if (textOf(bytes, at + 4, 4) === 'IEND') {
      return true;
    }
    at += 12 + view.getUint32(at);
  }
  return false;
}

/**
 * Whether a GIF has its first picture to the end; of the others nothing is read (GIF89a, 15 to 24).
 *
 * @param {Uint8Array} bytes
 * @returns {boolean}
 */
function isWholeGif(bytes) {
  let at = 13 + paletteBytes(bytes[10]);
  while (bytes[at] === 0x21) {
    at = afterBlocks(bytes, at + 2); // of an extension, such as a comment
  }
  if (bytes[at] !== 0x2c) {
    return at < bytes.length; // no picture follows: the decoder says so
  }
  return afterBlocks(bytes, at + 11 + paletteBytes(bytes[at + 9])) <= bytes.length;
}

/**
 * @param {Uint8Array} bytes of a GIF
 * @param {number} at where blocks begin, each with its length in front, up to one of length 0
 * @returns {number} where they have ended
 */
function afterBlocks(bytes, at) {
  while (bytes[at] > 0) {
    at += 1 + bytes[at];
  }
  return at + 1;
}

/**
 * @param {number} flags of a GIF, or of a picture in it
 * @returns {number} how many bytes its colours take
 */
function paletteBytes(flags) {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/**
 * @param {DataView} view of the file
 * @returns {Header}
 */
function bmpHeader(view) {
  const width = Math.abs(view.getInt32(18, true));
  const height = Math.abs(view.getInt32(22, true));
  const rowBytes = 4 * Math.ceil((width * view.getUint16(28, true)) / 32);
  const end = view.getUint32(10, true) + rowBytes * height;
  const isPacked = view.byteLength >= 34 && [1, 2].includes(view.getUint32(30, true)); // run-length encoded
  return { width, height, scans: 1, isWhole: isPacked || end <= view.byteLength };
}

/**
 * @param {DataView} view of the file
 * @param {string} kind of its first chunk (RFC 9649, 2.5 to 2.7)
 * @returns {{width: number, height: number} | null}
 */
function webpSize(view, kind) {
  if (kind === 'VP8 ') {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (kind === 'VP8L') {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (kind === 'VP8X') {
    const width = view.getUint16(24, true) + (view.getUint8(26) << 16) + 1;
    const height = view.getUint16(27, true) + (view.getUint8(29) << 16) + 1;
    return { width, height };
  }
  return null;
}

/**
 * Read a JPEG's size, count its scans, and look for its end (ITU-T T.81, B.1.1).
 *
 * @param {Uint8Array} bytes
 * @returns {Header | null}
 */
function jpegHeader(bytes) {
  let header = null;
  let scans = 0;
  let isWhole = false;
  let at = 2;
  while (at + 2 <= bytes.length) {
    const code = bytes[at + 1];
    // Within a scan a marker without a length restarts the decoder, and 0 stands for a level of 255.
    const isMarker = bytes[at] === 0xff && code !== 0 && code !== 0xff && !(code >= 0xd0 && code <= 0xd8);
    if (!isMarker) {
      at += 1;
      continue;
    }
    if (code === 0xd9) {
      isWhole = true;
      break;
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
  return header && { ...header, scans, isWhole };
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
