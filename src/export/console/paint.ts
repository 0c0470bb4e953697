/** Colours, or none. Invariant: painting changes no text, only wraps it in SGR sequences. */

export type Tone = "plain" | "dim" | "bold" | "good" | "warning" | "bad" | "note";

export type Paint = (tone: Tone, text: string) => string;

/** SGR parameters (ECMA-48) of the eight basic colours, which every terminal theme defines. */
const sgr: Readonly<Record<Exclude<Tone, "plain">, string>> = {
  dim: "2",
  bold: "1",
  good: "32",
  warning: "33",
  bad: "31",
  note: "36",
};

export function painter(colour: boolean): Paint {
  if (!colour) return (_tone, text) => text;
  return (tone, text) =>
    tone === "plain" || text.trim() === "" ? text : `\x1b[${sgr[tone]}m${text}\x1b[0m`;
}
