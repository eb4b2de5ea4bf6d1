// Shares as people read them: what is neither 0 nor 1 is never shown as 0 or as 1. As fieldguide/base/shares.py.

/** A share in per cent, as `98.0 %`, `< 0.1 %` or `> 99.9 %`. */
export const percent = (share, digits = 1) => `${bounded(100 * share, 100, digits)} %`;

/** The same without decimals, but for small shares. */
export const inPercent = (share) => percent(share, share > 0.0995 ? 0 : 1);

/** What a share lies between, in whole per cent without the sign, as `95 to 98` or `95 to > 99`. */
export const between = (low, high) => `${bounded(100 * low, 100, 0)} to ${bounded(100 * high, 100, 0)}`;

/** A share, as `0.980`, `< 0.001` or `> 0.999`; losses and errors too, though they may be above 1. */
export const decimal = (share, digits = 3) => bounded(share, 1, digits);

function bounded(value, whole, digits) {
  const text = rounded(value, digits), least = 10 ** -digits;
  if (value <= 0 || value >= whole || ![0, whole].includes(Number(text))) return text;
  return value < whole / 2 ? `< ${least.toFixed(digits)}` : `> ${(whole - least).toFixed(digits)}`;
}

/** With so many decimals; of two that are equally near the even one, as in Python, where `toFixed` takes the larger. */
function rounded(value, digits) {
  const halves = value * 2 ** (digits + 1);  // an odd whole number lies exactly between two
  if (halves % 2 !== 1) return value.toFixed(digits);
  const below = Math.floor(halves * 5 ** digits / 2);
  return ((below + below % 2) / 10 ** digits).toFixed(digits);
}
