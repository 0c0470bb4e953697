import { expect, test } from "bun:test";
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
