/** From a picture file to a picture, by the browser's own decoders. */

import { HEAD_BYTES, isPicture, requireDecodable, requirePixels, whyUnreadable } from './headers.mjs';

/**
 * Decode a picture file; here and not in the worker, since WebKit lets a worker read no file for a page from a disk.
 *
 * @param {File} file
 * @returns {Promise<ImageBitmap>} upright: EXIF orientation applied
 * @throws {Error} not a picture, damaged, or too large; its message is a sentence for the record
 */
export async function decodePicture(file) {
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  requireDecodable(isPicture(head) ? new Uint8Array(await file.arrayBuffer()) : head, file.name);
  const bitmap = await bitmapOf(file, head);
  requirePixels(bitmap.width, bitmap.height, file.name);
  return bitmap;
}

/**
 * @param {File} file
 * @param {Uint8Array} head its first bytes
 * @returns {Promise<ImageBitmap>}
 */
async function bitmapOf(file, head) {
  try {
    return await createImageBitmap(file, { colorSpaceConversion: 'none', imageOrientation: 'from-image' });
  } catch {
    throw new Error(whyUnreadable(head, file.name));
  }
}
