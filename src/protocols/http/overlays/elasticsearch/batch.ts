/**
 * The operations of a bulk request and the searches of an msearch, counted by their lines.
 * Invariant: what has lost a line is not counted at all; documents and queries are never kept.
 */
import { JsonBody } from "../../json-body.ts";
import { JSON_OBJECT, pickNodes } from "../../json-picker.ts";

/** Actions of a bulk request; each but delete is followed by a line of its own. */
const actionNodes = pickNodes(["index", "create", "update", "delete"]);

export class BatchCounter {
  readonly #isBulk: boolean;
  readonly #actions = new Set<string>();
  #count = 0;
  #action: string | undefined;
  #isSource = false;
  #lines = 0;
  #isStrange = false;

  constructor(operation: "bulk" | "msearch") {
    this.#isBulk = operation === "bulk";
  }

  bodyOf(coding: string | undefined): JsonBody {
    return new JsonBody({
      nodes: actionNodes,
      form: "lines",
      coding,
      picked: (path, value) => {
        if (value === JSON_OBJECT) this.#action ??= path;
      },
      textEnded: () => this.#endLine(),
    });
  }

  /** undefined = not all lines were seen, or there is only one operation. */
  size(body: JsonBody | undefined): number | undefined {
    if (body?.isLacking !== false || this.#isStrange) return undefined;
    const count = this.#isBulk ? this.#count : Math.floor(this.#lines / 2);
    return count >= 2 ? count : undefined;
  }

  /** "bulk index" when all operations are the same; undefined = as the endpoint is called. */
  operation(body: JsonBody | undefined): string | undefined {
    if (!this.#isBulk || this.#actions.size !== 1) return undefined;
    return this.size(body) === undefined ? undefined : `bulk ${[...this.#actions][0]}`;
  }

  #endLine(): void {
    this.#lines++;
    const action = this.#action;
    this.#action = undefined;
    if (!this.#isBulk) return;
    if (this.#isSource) {
      this.#isSource = false;
      return;
    }
    if (action === undefined) {
      this.#isStrange = true;
      return;
    }
    this.#actions.add(action);
    this.#count++;
    this.#isSource = action !== "delete";
  }
}
