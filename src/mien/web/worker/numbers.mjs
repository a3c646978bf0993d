/** Numbers as Python rounds and prints them. */

/**
 * Round to a whole number, halves to the even one, as Python's `round` does.
 *
 * @param {number} value
 * @returns {number}
 */
export function roundHalfEven(value) {
  const nearest = Math.round(value); // halves go up
  const isHalf = nearest - value === 0.5;
  return isHalf && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

/**
 * Round to so many decimals, halves to the even digit, as Python's `round` does.
 *
 * @param {number} value
 * @param {number} digits
 * @returns {number}
 */
export function roundTo(value, digits) {
  const nearest = Number(value.toFixed(digits)); // exact, but halves go away from 0
  // Only an odd multiple of 1 / 2^(digits + 1) lies exactly between two decimals.
  const isHalf = Math.abs((value * 2 ** (digits + 1)) % 2) === 1;
  if (!isHalf) {
    return nearest;
  }
  const unit = 10 ** digits;
  const isOdd = Math.abs(Math.round(nearest * unit)) % 2 === 1;
  return isOdd ? Number((nearest - Math.sign(value) / unit).toFixed(digits)) : nearest;
}

/**
 * Write a number with up to six digits, as Python's format `g` does.
 *
 * @param {number} value
 * @returns {string}
 */
export function general(value) {
  const [digits, exponent] = value.toExponential(5).split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) {
    return String(Number(value.toPrecision(6)));
  }
  const sign = power < 0 ? '-' : '+';
  return `${Number(digits)}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
}

/**
 * Keep a number between two limits.
 *
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
