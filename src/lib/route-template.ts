/**
 * Templates of routes as the configuration writes them: segments between slashes, each a text with
 * at most one {placeholder}; a * as the last segment stands for one or more of any kind. Empty
 * segments, and so a slash at the end, mean nothing.
 */
import type { RouteSegment } from "../model/route.ts";

export interface WrittenTemplate {
  readonly segments: readonly RouteSegment[];
  readonly isOpen: boolean;
}

const TEMPLATE_CHARS_MAX = 1_024;
/** A template with more segments could never fit: of a longer path the rest is not looked at. */
const SEGMENTS_MAX = 16;
const PLACEHOLDER = /^\{[A-Za-z_][A-Za-z0-9_.-]*\}$/;
const ALLOWED = /^[\x21-\x7e]*$/;

/** The template, or what is wrong with it. */
export function parseRouteTemplate(text: string): WrittenTemplate | { readonly problem: string } {
  if (!text.startsWith("/")) return { problem: "must begin with /" };
  if (text.length > TEMPLATE_CHARS_MAX) {
    return { problem: `is longer than ${TEMPLATE_CHARS_MAX} characters` };
  }
  if (!ALLOWED.test(text) || /[?#%]/.test(text)) {
    return { problem: "must be a path without query, escapes and blanks" };
  }
  const written = text.split("/").filter((segment) => segment !== "");
  const isOpen = written.at(-1) === "*";
  if (isOpen) written.pop();
  if (written.length > SEGMENTS_MAX) return { problem: `has more than ${SEGMENTS_MAX} segments` };
  const segments: RouteSegment[] = [];
  for (const segment of written) {
    const parsed = segmentOf(segment);
    if ("problem" in parsed) return parsed;
    segments.push(parsed);
  }
  return { segments, isOpen };
}

function segmentOf(text: string): RouteSegment | { readonly problem: string } {
  if (text.includes("*")) return { problem: "may have * only as its last segment" };
  const begin = text.indexOf("{");
  const end = text.indexOf("}");
  if (begin < 0 && end < 0) return { prefix: text, suffix: "", hasPlaceholder: false };
  const prefix = text.slice(0, Math.max(0, begin));
  const suffix = text.slice(end + 1);
  if (begin < 0 || !PLACEHOLDER.test(text.slice(begin, end + 1)) || /[{}]/.test(suffix)) {
    return { problem: `has ${text}, where one {name} is expected` };
  }
  return { prefix, suffix, hasPlaceholder: true };
}
