/**
 * A command's help: citty's usage, then what citty has no place for. Invariant: plain text, without
 * colours, of which no line is longer than a terminal is wide.
 */
import { stripVTControlCharacters } from "node:util";
import { type ArgsDef, type CommandDef, type CommandMeta, renderUsage } from "citty";

/** `parent` is the part of the command line before the command's own name: "olly trace". */
export async function helpOf<Args extends ArgsDef>(
  command: CommandDef<Args>,
  meta: CommandMeta,
  parent: string,
): Promise<string> {
  const rendered = await renderUsage(command, { meta: { name: parent } });
  const [, , usage = "", , ...tables] = stripVTControlCharacters(rendered).split("\n");
  const operands = meta.program ? " -- CMD [ARG...]" : "";
  const lines = [`${usage.replace("USAGE", "Usage:").trimEnd()}${operands}`, ""];
  if (meta.details !== undefined) lines.push(...meta.details, "");
  if (meta.examples !== undefined) lines.push("EXAMPLES", ...columns(meta.examples), "");
  const text = tables.map(leftAligned).join("\n").trimEnd();
  if (text !== "") lines.push(text.replace(/^([A-Z]+)\n\n/gm, "$1\n"), "");
  return lines.join("\n");
}

/** citty aligns the first column of a table to the right. */
function leftAligned(line: string): string {
  return line.replace(/^ {2}( *)(\S+(?: \S+)*) {4}/, "  $2$1  ").trimEnd();
}

/** Two columns, indented. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  return rows.map(([left = "", right = ""]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}
