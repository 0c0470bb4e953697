import { describe, expect, test } from "bun:test";
import { createSelfLog, type LogLevel, logLevels } from "./log.ts";

function logged(level: LogLevel, stamped: boolean) {
  const lines: string[] = [];
  const clock = { now: 1_700_000_000_000 };
  const log = createSelfLog({
    level,
    stamped,
    write: (line) => lines.push(line),
    now: () => clock.now,
  });
  return { log, lines, clock };
}

describe("levels", () => {
  test.each(logLevels)("%s and above", (level) => {
    const { log, lines } = logged(level, false);
    for (const one of logLevels) log[one](one);
    const expected = logLevels.slice(logLevels.indexOf(level));
    expect(lines).toEqual(expected.map((one) => `olly: ${one}\n`));
  });
});

describe("a message", () => {
  test("has time and level in an agent's log", () => {
    const { log, lines } = logged("info", true);
    log.warn("careful");
    expect(lines).toEqual(["2023-11-14T22:13:20.000Z olly warn: careful\n"]);
  });

  test("is one line, whatever is in it", () => {
    const { log, lines } = logged("info", false);
    log.error("a\nb\u001b[31m\u0000\té");
    expect(lines).toEqual(["olly: a\\nb\\x1b[31m\\x00\\x09é\n"]);
  });

  test("is not endless", () => {
    const { log, lines } = logged("info", false);
    log.error("x".repeat(1_000_000));
    expect(lines[0]?.length).toBeLessThan(2_100);
  });
});

describe("a flood", () => {
  test("is cut for the rest of the second, and counted", () => {
    const { log, lines, clock } = logged("info", false);
    for (let index = 0; index < 200; index++) log.error(`${index}`);
    expect(lines).toHaveLength(50);
    clock.now += 1_000;
    log.info("after");
    expect(lines.slice(50)).toEqual(["olly: 150 messages were left out\n", "olly: after\n"]);
  });

  test("of one message is no other flood", () => {
    const { log, lines, clock } = logged("info", false);
    for (let index = 0; index < 200; index++) log.error("again");
    expect(lines).toEqual(Array(50).fill("olly: again\n"));
    clock.now += 1_000;
    log.error("again");
    expect(lines.slice(50)).toEqual(["olly: 150 messages were left out\n", "olly: again\n"]);
  });

  test("of debug messages is what was asked for", () => {
    const { log, lines } = logged("debug", false);
    for (let index = 0; index < 200; index++) log.debug(`${index}`);
    expect(lines).toHaveLength(200);
  });
});
