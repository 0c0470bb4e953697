/**
 * The fields of a structured line as attributes. Invariant: at most limits.attributesMax of them,
 * each name once, no string longer than limits.logAttributeCharsMax; what does not fit is counted.
 */
import { limits } from "../limits.ts";
import type { Attribute, AttributeValue } from "../model/attributes.ts";

const NAME_CHARS_MAX = 256;

/** What a format makes of a line. */
export interface ParsedLine {
  readonly body: string;
  /** 0 = the line states no level that is known. */
  readonly severityNumber: number;
  /** The level as the line spells it. */
  readonly severityText: string | undefined;
  readonly unixTimeNs: bigint | undefined;
  readonly attributes: readonly Attribute[];
  /** Fields left out or cut because they exceed a limit. */
  readonly attributesCut: number;
}

export const noAttributes: readonly Attribute[] = [];

export class LogAttributes {
  readonly list: Attribute[] = [];
  /** Fields left out or cut. */
  cut = 0;

  /** Adds one field of any JSON value; objects become dotted names, null and "" nothing. */
  addField(name: string, value: unknown, depth = 0): void {
    if (value === null || value === undefined || name === "") return;
    if (typeof value === "string") this.addText(name, value);
    else if (typeof value === "number" || typeof value === "boolean") this.#put(name, value);
    else if (isTextList(value)) this.#putList(name, value);
    else if (isFields(value) && depth < limits.logAttributeDepthMax) {
      for (const key in value) {
        if (this.#isFull) {
          this.cut++;
          return;
        }
        this.addField(`${name}.${key}`, value[key], depth + 1);
      }
    } else this.addText(name, jsonText(value));
  }

  addText(name: string, value: string): void {
    if (value.length > limits.logAttributeCharsMax) {
      this.cut++;
      this.#put(name, value.slice(0, limits.logAttributeCharsMax));
    } else this.#put(name, value);
  }

  #putList(name: string, values: readonly string[]): void {
    let chars = 0;
    for (const value of values) chars += value.length + 1;
    if (chars > limits.logAttributeCharsMax) this.addText(name, jsonText(values));
    else this.#put(name, values);
  }

  get #isFull(): boolean {
    return this.list.length >= limits.attributesMax;
  }

  #put(name: string, value: AttributeValue): void {
    if (this.#isFull || name.length > NAME_CHARS_MAX) {
      this.cut++;
      return;
    }
    for (const [existing] of this.list) if (existing === name) return;
    this.list.push([name, value]);
  }
}

/** Whether the value is a JSON object. */
export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextList(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")
  );
}

/** JSON of a parsed value; its depth is bounded by what the format accepts. */
function jsonText(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
