/**
 * Words and numbers of levels → SeverityNumber of the log data model. Syslog's numbers follow the
 * mapping of the semantic conventions; words follow the SDK of the language that they come from
 * (Python's CRITICAL and .NET's Critical are FATAL, java.util.logging's FINE is a debug level).
 * Invariant: a word that is not in the table has no severity; nothing is guessed.
 */

export const Severity = {
  unknown: 0,
  trace: 1,
  debug: 5,
  debug2: 6,
  debug3: 7,
  info: 9,
  info2: 10,
  warn: 13,
  error: 17,
  error2: 18,
  error3: 19,
  fatal: 21,
} as const;

/** By upper-case word. */
const byWord: ReadonlyMap<string, number> = new Map([
  ["TRACE", Severity.trace],
  ["TRCE", Severity.trace],
  ["TRC", Severity.trace],
  ["FINEST", Severity.trace],
  ["VERBOSE", Severity.trace],
  ["VRB", Severity.trace],
  ["DEBUG", Severity.debug],
  ["DEBUG1", Severity.debug],
  ["DEBUG2", Severity.debug],
  ["DEBUG3", Severity.debug],
  ["DEBUG4", Severity.debug],
  ["DEBUG5", Severity.debug],
  ["DBUG", Severity.debug],
  ["DBG", Severity.debug],
  ["FINER", Severity.debug],
  ["FINE", Severity.debug2],
  ["CONFIG", Severity.debug3],
  ["INFO", Severity.info],
  ["INF", Severity.info],
  ["INFORMATION", Severity.info],
  ["INFORMATIONAL", Severity.info],
  ["NOTE", Severity.info],
  ["NOTICE", Severity.info2],
  ["WARN", Severity.warn],
  ["WARNING", Severity.warn],
  ["WRN", Severity.warn],
  ["ERROR", Severity.error],
  ["ERR", Severity.error],
  ["FAIL", Severity.error],
  ["SEVERE", Severity.error],
  ["CRIT", Severity.error2],
  ["ALERT", Severity.error3],
  ["CRITICAL", Severity.fatal],
  ["FATAL", Severity.fatal],
  ["FTL", Severity.fatal],
  ["PANIC", Severity.fatal],
  ["EMERG", Severity.fatal],
  ["EMERGENCY", Severity.fatal],
]);

export const LEVEL_WORD_CHARS_MAX = 13;

/** First letters of the words in the table, both cases, by character code. */
export const levelInitials: Uint8Array = initialsOf(byWord.keys());

function initialsOf(words: Iterable<string>): Uint8Array {
  const initials = new Uint8Array(128);
  for (const word of words) {
    initials[word.charCodeAt(0)] = 1;
    initials[word.charCodeAt(0) + 32] = 1;
  }
  return initials;
}

/** SeverityNumber of a level word in any case; 0 when it is none. */
export function severityOfWord(word: string): number {
  if (word.length < 3 || word.length > LEVEL_WORD_CHARS_MAX) return Severity.unknown;
  return byWord.get(word) ?? byWord.get(word.toUpperCase()) ?? Severity.unknown;
}

/** RFC 5424 severities 0 (emergency) to 7 (debug). */
const bySyslog = [
  Severity.fatal,
  Severity.error3,
  Severity.error2,
  Severity.error,
  Severity.warn,
  Severity.info2,
  Severity.info,
  Severity.debug,
] as const;

const syslogWords = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

export function severityOfSyslog(level: number): number {
  return bySyslog[level] ?? Severity.unknown;
}

/** RFC 5424's keyword of a severity, as syslog(3) spells it. */
export function syslogWord(level: number): string | undefined {
  return syslogWords[level];
}

/** Numbers of pino and bunyan: 10 trace, 20 debug, ... 60 fatal, others between them. */
export function severityOfPino(level: number): number {
  if (!(level >= 10 && level < 70)) return Severity.unknown;
  return (Math.floor(level / 10) - 1) * 4 + 1;
}

/** One-letter levels (glog, klog, logcat, Ruby's logger, MongoDB). */
export function severityOfLetter(letter: string): number {
  switch (letter) {
    case "T":
    case "V":
      return Severity.trace;
    case "D":
      return Severity.debug;
    case "I":
      return Severity.info;
    case "W":
      return Severity.warn;
    case "E":
      return Severity.error;
    case "F":
    case "C":
      return Severity.fatal;
    default:
      return Severity.unknown;
  }
}
