/**
 * `*` for any text, slashes included, and `?` for one character. Invariant: time is bounded by the
 * product of the lengths, whatever the text is.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let read = 0;
  let star = -1;
  let taken = 0;
  while (read < text.length) {
    if (pattern[at] === "*") {
      star = at++;
      taken = read;
    } else if (pattern[at] === "?" || pattern[at] === text[read]) {
      at++;
      read++;
    } else if (star >= 0) {
      at = star + 1;
      read = ++taken;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}
