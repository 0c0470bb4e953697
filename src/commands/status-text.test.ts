import { describe, expect, test } from "bun:test";
import type { BlindSpot } from "../model/visibility.ts";
import type { AgentStatus } from "../self/status.ts";
import { renderStatus } from "./status-text.ts";

test("a status shows every process, exporter and drop", () => {
  const text = renderStatus(
    {
      version: "1.2.3",
      pid: 42,
      startedAt: "2023-11-14T22:13:20.000Z",
      active: false,
      socketPath: "/s/hook.sock",
      leftAlone: { "deny executable=sshd": 2, "default deny": 3 },
      processes: [
        {
          pid: 7,
          service: "shop",
          executable: "/usr/bin/python3",
          messages: 10,
          spans: 4,
          logs: 2,
          drops: { ring_full: 3 },
          notVisible: [
            { spot: "linked_tls", detail: "BoringSSL in cygrpc.so" },
            { spot: "io_uring", detail: "" },
            { spot: "other_preloads", detail: "/usr/lib/libjemalloc.so" },
          ],
        },
        {
          pid: 12345,
          service: "web",
          executable: "/usr/sbin/nginx",
          messages: 0,
          spans: 0,
          logs: 0,
          drops: {},
          notVisible: [],
        },
        {
          pid: 8,
          service: "new\u001b[2J",
          executable: "/bin/new",
          messages: 0,
          spans: 0,
          logs: 0,
          drops: {},
          notVisible: undefined,
        },
      ],
      messages: { connect: 4, data_in: 6 },
      spans: 4,
      logs: 2,
      drops: { ring_full: 3, stream_gap: 0, parse_error: 1 },
      notVisible: { linked_tls: 1, io_uring: 2 },
      exporters: [
        {
          name: "otlp",
          state: "retrying",
          lastError: "connection refused",
          queued: 5,
          exportedSpans: 1,
          exportedLogs: 0,
          failedSpans: 2,
          failedLogs: 0,
        },
      ],
    },
    "/s",
  );
  expect(text).toBe(
    [
      "olly 1.2.3, pid 42, since 2023-11-14T22:13:20.000Z, in /s",
      "tracing   off (olly trace start)",
      "seen      10 messages: 4 spans, 2 log records",
      "dropped   ring_full 3, parse_error 1",
      "left out  5 processes: deny executable=sshd 2, default deny 3",
      "not seen  linked_tls 1, io_uring 2 (processes, by reason; olly doctor says more)",
      "otlp      retrying, 1 spans and 0 log records sent, 5 waiting, lost 2 spans and 0 log records, last failure: connection refused",
      "",
      "PID    SERVICE  EXECUTABLE        MESSAGES  SPANS  LOGS  DROPPED      NOT VISIBLE",
      "7      shop     /usr/bin/python3  10        4      2     ring_full 3  TLS linked in (BoringSSL in cygrpc.so), io_uring",
      "12345  web      /usr/sbin/nginx   0         0      0     nothing      nothing",
      "8      new\\x1b[2J  /bin/new          0         0      0     nothing      not looked at yet",
      "",
    ].join("\n"),
  );
});

describe("processes into which the library could not get", () => {
  const status: AgentStatus = {
    ...{ version: "1.2.3", pid: 42, startedAt: "2023-11-14T22:13:20.000Z", active: true },
    ...{ socketPath: "/s/hook.sock", leftAlone: {}, processes: [], messages: {}, spans: 0 },
    ...{ logs: 0, drops: {}, notVisible: {}, exporters: [] },
  };
  const unhooked = (pid: number, executable: string, because: string, ...spots: BlindSpot[]) => ({
    ...{ pid, executable, because },
    notVisible: spots.map((spot) => ({ spot, detail: "" })),
  });

  test("are counted by their first reason and shown with all", () => {
    const text = renderStatus(status, "/s", [
      unhooked(8, "/opt/go", "", "statically_linked", "go"),
      unhooked(9, "/opt/go", "", "statically_linked", "go"),
      unhooked(10, "/opt/redo", "started without olly"),
      unhooked(11, "/opt/odd", "", "unknown_environment"),
    ]);
    expect(text).toContain(
      "no hook   4 processes that were started under this agent: " +
        "statically linked 2, started without olly 1, not known why 1\n",
    );
    expect(text).toEndWith(
      [
        "no process is hooked: olly run -- CMD",
        "",
        "PID  NOT HOOKED  NOT VISIBLE",
        "8    /opt/go     statically linked, Go",
        "9    /opt/go     statically linked, Go",
        "10   /opt/redo   started without olly",
        "11   /opt/odd    environment not readable",
        "",
      ].join("\n"),
    );
  });

  test("are left out of the text from the 21st on, and it says so", () => {
    const many = Array.from({ length: 23 }, (_, index) => unhooked(index, "/a", "", "go"));
    const lines = renderStatus(status, "/s", many).trimEnd().split("\n");
    expect(lines.filter((line) => line.endsWith("/a          Go"))).toHaveLength(20);
    expect(lines.at(-1)).toBe("and 3 more: olly status --json");
  });

  test("are not mentioned when there are none", () => {
    expect(renderStatus(status, "/s", [])).not.toContain("no hook");
  });
});
