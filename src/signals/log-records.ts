/**
 * Log writes → log records: lines are joined (log-lines.ts), recognised (log-format.ts) and masked
 * (log-mask.ts).
 *
 * A record's context is that of the thread at the first byte of its line. A write with several
 * records can be the flush of a buffer that other threads filled, so its records have no context,
 * unless they are one message: the first has a level or a time at its head and the others have
 * neither. Invariant: a record never carries a context that is not certainly its own, and no
 * record leaves unmasked.
 */
import type { Attribute, AttributeValue } from "../model/attributes.ts";
import type { LogRecord } from "../model/log-record.ts";
import type { HookedProcess } from "../model/process.ts";
import type { SpanContext } from "../model/span.ts";
import type { Drops } from "../self/drops.ts";
import {
  ATTR_LOG_FILE_NAME,
  ATTR_LOG_IOSTREAM,
  ATTR_OLLY_LOG_TRUNCATED,
  ATTR_SYSLOG_FACILITY,
  ATTR_THREAD_ID,
} from "../semconv/log.ts";
import type { ParsedLine } from "./log-attributes.ts";
import { parseLogLine } from "./log-format.ts";
import { type LogLine, type LogLineSink, LogLines } from "./log-lines.ts";
import { isSecretName, MASK, maskSecrets } from "./log-mask.ts";
import { severityOfSyslog, syslogWord } from "./log-severity.ts";
import { readableText } from "./log-text.ts";

const STDOUT_FD = 1;
const STDERR_FD = 2;
/** Numbers with so many digits can be those of a card. */
const CARD_NUMBER_MIN = 1e12;
const SYSLOG_PRIORITY_MAX = 191;
const NO_FD = -1;

/** One write of a hooked process to stdout, stderr or a log file. */
export interface ProcessLogWrite {
  readonly process: HookedProcess;
  readonly fd: number;
  readonly tid: number;
  /** CLOCK_MONOTONIC ns. */
  readonly timeNs: number;
  /** Bytes that the process wrote; more than payload.length when the rest was not captured. */
  readonly wireLength: number;
  /** Valid only during the call. */
  readonly payload: Uint8Array;
  /** The span whose work the thread did at this moment, when that is certain. */
  readonly context: SpanContext | undefined;
  /** Path of the file behind the descriptor, when it is one. */
  readonly path: string | undefined;
}

/** One message that a hooked process gave to syslog(3). */
export interface ProcessSyslog extends Omit<ProcessLogWrite, "fd" | "path"> {
  /** Facility * 8 + severity. */
  readonly priority: number;
}

export type LogRecordSink = (record: LogRecord) => void;

/** What a record takes from the write that holds its first byte. */
interface LineOrigin {
  readonly process: HookedProcess;
  readonly fd: number;
  readonly tid: number;
  readonly timeNs: number;
  readonly context: SpanContext | undefined;
  readonly path: string | undefined;
}

interface Draft {
  readonly origin: LineOrigin;
  readonly parsed: ParsedLine;
  readonly truncated: boolean;
  readonly buffered: boolean;
}

export class LogRecordBuilder {
  readonly #drops: Drops;
  readonly #lines: LogLines<LineOrigin>;
  /** Records of the call that is under way; empty between calls. */
  readonly #drafts: Draft[] = [];
  /** Made once, so that a write costs no closure. */
  readonly #takeLine: LogLineSink<LineOrigin> = (line) => this.#draft(line);

  constructor(options: { readonly drops: Drops }) {
    this.#drops = options.drops;
    this.#lines = new LogLines(options.drops);
  }

  /** Unfinished lines that wait for their end. */
  get partialLines(): number {
    return this.#lines.partialLines;
  }

  /** Takes one write and emits the records that it completes, in their order. */
  add(write: ProcessLogWrite, emit: LogRecordSink): void {
    const { process, fd, tid, timeNs, wireLength, payload, context, path } = write;
    const origin: LineOrigin = { process, fd, tid, timeNs, context, path };
    // A write that failed half-way must not lend its lines to this one.
    this.#drafts.length = 0;
    this.#lines.add(
      { processId: process.id, fd, tid, timeNs, wireLength, payload },
      origin,
      this.#takeLine,
    );
    this.#emitDrafts(emit);
  }

  /** Takes one message for syslog: one record, however many lines it has. */
  syslog(write: ProcessSyslog, emit: LogRecordSink): void {
    const { process, priority, tid, timeNs, wireLength, payload, context } = write;
    if (priority < 0 || priority > SYSLOG_PRIORITY_MAX) {
      this.#drops.count("message_malformed");
      return;
    }
    const truncated = wireLength > payload.length;
    if (truncated) this.#drops.count("log_line_truncated");
    const text = readableText(payload, 0, payload.length)?.trimEnd();
    if (text === undefined) this.#drops.count("log_not_text");
    if (!text) return;
    const severity = priority & 7;
    const parsed: ParsedLine = {
      body: text,
      severityNumber: severityOfSyslog(severity),
      severityText: syslogWord(severity),
      unixTimeNs: undefined,
      attributes: [[ATTR_SYSLOG_FACILITY, priority >> 3]],
      attributesCut: 0,
    };
    const origin: LineOrigin = { process, fd: NO_FD, tid, timeNs, context, path: undefined };
    emit(recordOf({ origin, parsed, truncated, buffered: false }, true));
  }

  /** Emits unfinished lines that have waited longer than limits.logPartialNsMax. */
  expire(nowNs: number, emit: LogRecordSink): void {
    this.#lines.expire(nowNs, this.#takeLine);
    this.#emitApart(emit);
  }

  /** The process closed the descriptor: emits its unfinished lines. */
  closed(processId: number, fd: number, emit: LogRecordSink): void {
    this.#lines.closed(processId, fd, this.#takeLine);
    this.#emitApart(emit);
  }

  /** Emits and forgets what the process left unfinished. */
  processEnded(processId: number, emit: LogRecordSink): void {
    this.#lines.processEnded(processId, this.#takeLine);
    this.#emitApart(emit);
  }

  /** Emits every unfinished line: the agent stops. */
  flush(emit: LogRecordSink): void {
    this.#lines.flush(this.#takeLine);
    this.#emitApart(emit);
  }

  #draft(line: LogLine<LineOrigin>): void {
    const text = readableText(line.bytes, line.start, line.end);
    if (text === undefined) {
      this.#drops.count("log_not_text");
      return;
    }
    if (text.trimStart() === "") return;
    const parsed = parseLogLine(text);
    if (parsed.attributesCut > 0) this.#drops.count("log_attribute_limit", parsed.attributesCut);
    const { origin, truncated, buffered } = line;
    this.#drafts.push({ origin, parsed, truncated, buffered });
  }

  /** Emits the records of one write. */
  #emitDrafts(emit: LogRecordSink): void {
    const drafts = this.#drafts;
    if (drafts.length === 0) return;
    const certain = drafts.length === 1 || isOneMessage(drafts);
    for (const draft of drafts) emit(recordOf(draft, certain && !draft.buffered));
    drafts.length = 0;
  }

  /** Emits records that come from writes of their own. */
  #emitApart(emit: LogRecordSink): void {
    for (const draft of this.#drafts) emit(recordOf(draft, !draft.buffered));
    this.#drafts.length = 0;
  }
}

/** Only the first line has the head that a logger gives to each of its records. */
function isOneMessage(drafts: readonly Draft[]): boolean {
  return drafts.every(({ parsed }, index) => hasHead(parsed) === (index === 0));
}

function hasHead(parsed: ParsedLine): boolean {
  return parsed.severityNumber > 0 || parsed.unixTimeNs !== undefined;
}

function recordOf(draft: Draft, certain: boolean): LogRecord {
  const { origin, parsed } = draft;
  return {
    process: origin.process,
    observedNs: origin.timeNs,
    unixTimeNs: parsed.unixTimeNs,
    severityNumber: parsed.severityNumber,
    severityText: parsed.severityText,
    body: maskSecrets(parsed.body),
    attributes: attributesOf(draft),
    context: certain ? origin.context : undefined,
  };
}

function attributesOf({ origin, parsed, truncated }: Draft): Attribute[] {
  const attributes: Attribute[] = [[ATTR_THREAD_ID, origin.tid]];
  if (origin.fd === STDOUT_FD) attributes.push([ATTR_LOG_IOSTREAM, "stdout"]);
  else if (origin.fd === STDERR_FD) attributes.push([ATTR_LOG_IOSTREAM, "stderr"]);
  if (origin.path !== undefined) {
    const name = origin.path.slice(origin.path.lastIndexOf("/") + 1);
    attributes.push([ATTR_LOG_FILE_NAME, name]);
  }
  if (truncated) attributes.push([ATTR_OLLY_LOG_TRUNCATED, true]);
  const own = attributes.length;
  for (const [name, value] of parsed.attributes) {
    if (!isStated(attributes, own, name)) attributes.push([name, maskedValue(name, value)]);
  }
  return attributes;
}

/** Whether one of the first `count` attributes has the name: ours stand before the line's. */
function isStated(attributes: readonly Attribute[], count: number, name: string): boolean {
  for (let index = 0; index < count; index++) if (attributes[index]?.[0] === name) return true;
  return false;
}

function maskedValue(name: string, value: AttributeValue): AttributeValue {
  if (isSecretName(name) && typeof value !== "boolean") return MASK;
  if (typeof value === "string") return maskSecrets(value);
  if (typeof value === "number") {
    return value >= CARD_NUMBER_MIN && maskSecrets(String(value)) === MASK ? MASK : value;
  }
  return typeof value === "boolean" ? value : value.map(maskSecrets);
}
