import { describe, expect, test } from "bun:test";
import type { Attribute } from "../model/attributes.ts";
import { VERSION } from "../version.ts";
import { parseOsRelease } from "./host-facts.ts";
import { containerIdOf, startTicksOf } from "./process-facts.ts";
import { type HostFiles, systemFiles } from "./process-files.ts";
import { ProcessResources } from "./process-resource.ts";

const container = "0123456789abcdef".repeat(4);
const host: Readonly<Record<string, string>> = {
  "/etc/machine-id": "5f2c7d\n",
  "/etc/os-release": 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\n',
  "/proc/stat": "cpu 1 2 3\nbtime 1700000000\n",
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n",
  "/proc/42/stat": `42 (a ) b) S 1 ${"0 ".repeat(17)}12345 0`,
  "/proc/42/status": "Name:\ta\nUid:\t0\t1000\t0\t0\n",
  "/proc/42/cgroup": `0::/system.slice/docker-${container}.scope\n`,
};

function filesOf(texts: Readonly<Record<string, string>>): HostFiles {
  return { text: (path) => texts[path], link: () => undefined };
}

function processOf(options: {
  environment?: Readonly<Record<string, string>>;
  serviceName?: string;
  shared?: readonly Attribute[];
  files?: Readonly<Record<string, string>>;
  args?: readonly string[];
}) {
  const reports: string[] = [];
  const resources = new ProcessResources({
    serviceName: options.serviceName,
    resourceAttributes: options.shared ?? [],
    report: (line) => reports.push(line),
    files: filesOf({ ...host, ...options.files }),
  });
  const process = resources.processOf(7, 42, {
    executable: "/usr/bin/python3.11",
    args: options.args ?? ["python3", "app.py"],
    environment: new Map(Object.entries(options.environment ?? {})),
  });
  return { process, reports, attributes: new Map(process.resource.attributes) };
}

describe("a process's resource", () => {
  test("says who, where and since when", () => {
    const { attributes, process } = processOf({});
    attributes.delete("host.name");
    const instance = attributes.get("service.instance.id");
    expect(instance).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    attributes.delete("service.instance.id");
    expect(Object.fromEntries(attributes)).toEqual({
      "service.name": "app",
      "host.id": "5f2c7d",
      "host.arch": expectedArchitecture(),
      "os.type": "linux",
      "os.name": "Debian GNU/Linux",
      "os.version": "12",
      "process.pid": 42,
      "process.creation.time": "2023-11-14T22:15:23.450Z",
      "process.executable.name": "python3.11",
      "process.executable.path": "/usr/bin/python3.11",
      "process.command": "python3",
      "process.owner": "ada",
      "container.id": container,
      "telemetry.sdk.name": "olly",
      "telemetry.sdk.language": "python",
      "telemetry.sdk.version": VERSION,
    });
    expect(process).toMatchObject({ id: 7, pid: 42, serviceName: "app" });
  });

  test("has an instance id that is the same every time, and another for another start", () => {
    const instances = [{}, {}, { "/proc/42/stat": `42 (a) S 1 ${"0 ".repeat(17)}99 0` }].map(
      (files) => processOf({ files }).attributes.get("service.instance.id"),
    );
    expect(instances[0]).toBe(instances[1] as string);
    expect(instances[0]).not.toBe(instances[2] as string);
  });

  test("keeps what the process says over what the agent was given, never twice", () => {
    const { attributes, process } = processOf({
      shared: [
        ["deployment.environment.name", "test"],
        ["team", "a"],
      ],
      environment: { OTEL_RESOURCE_ATTRIBUTES: "team=b,process.owner=me" },
    });
    expect(attributes.get("deployment.environment.name")).toBe("test");
    expect(attributes.get("team")).toBe("b");
    expect(attributes.get("process.owner")).toBe("me");
    const keys = process.resource.attributes.map(([key]) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("is there when /proc says nothing", () => {
    const nothing = Object.fromEntries(Object.keys(host).map((path) => [path, ""]));
    const { attributes } = processOf({ files: nothing });
    expect(attributes.get("service.name")).toBe("app");
    expect(attributes.has("process.creation.time")).toBe(false);
    expect(attributes.has("process.owner")).toBe(false);
    expect(attributes.has("host.id")).toBe(false);
  });
});

describe("service.name", () => {
  type Names = { environment?: Record<string, string>; serviceName?: string };
  const attributes = { OTEL_RESOURCE_ATTRIBUTES: "service.name=listed" };
  const cases: [what: string, names: Names, name: string][] = [
    ["discovered", {}, "app"],
    ["configured", { serviceName: "configured" }, "configured"],
    ["in the attributes", { serviceName: "configured", environment: attributes }, "listed"],
    ["its own", { environment: { ...attributes, OTEL_SERVICE_NAME: "own" } }, "own"],
    ["empty means unset", { environment: { ...attributes, OTEL_SERVICE_NAME: "" } }, "listed"],
  ];
  test.each(cases)("%s", (_, names, name) => {
    const { process, attributes } = processOf(names);
    expect(process.serviceName).toBe(name);
    expect(attributes.get("service.name")).toBe(name);
  });

  test("of malformed attributes is ignored with the whole list, and said", () => {
    const { attributes, reports } = processOf({
      environment: { OTEL_RESOURCE_ATTRIBUTES: "service.name=a,team=%zz" },
    });
    expect(attributes.get("service.name")).toBe("app");
    expect(attributes.has("team")).toBe(false);
    expect(reports).toEqual([
      "OTEL_RESOURCE_ATTRIBUTES of process 42 (python3.11) is malformed and ignored",
    ]);
  });

  test("of a long command line and a long variable is read from /proc", () => {
    const list = `team=${"x".repeat(5_000)}`;
    const { attributes } = processOf({
      args: ["python3", "-W", "a", "-W", "b", "-W", "c", "-W"],
      environment: { OTEL_RESOURCE_ATTRIBUTES: list.slice(0, 4_095) },
      files: {
        "/proc/42/cmdline": "python3\0-W\0a\0-W\0b\0-W\0c\0-W\0d\0shop.py\0",
        "/proc/42/environ": `A=b\0OTEL_RESOURCE_ATTRIBUTES=${list}\0`,
      },
    });
    expect(attributes.get("service.name")).toBe("shop");
    expect(attributes.get("team")).toBe("x".repeat(5_000));
  });
});

describe("container ids", () => {
  const cases: [cgroup: string, id: string | undefined][] = [
    ["0::/user.slice/session-1.scope", undefined],
    ["0::/", undefined],
    [`0::/system.slice/docker-${container}.scope`, container],
    [`12:cpu:/docker/${container}`, container],
    [`0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${container}.scope`, container],
    [`0::/kubepods/besteffort/pod1/${container}`, container],
    [`0::/machine.slice/libpod-${container}.scope`, container],
    [`0::/x/${container}0`, undefined],
  ];
  test.each(cases)("%p", (cgroup, id) => expect(containerIdOf(cgroup)).toBe(id as string));
});

describe("parsing", () => {
  test("a stat line whose name is hostile", () => {
    expect(startTicksOf(`1 (x) R 9 (y) S 1 ${"0 ".repeat(17)}77 0`)).toBe(77);
    expect(startTicksOf("")).toBeUndefined();
    expect(startTicksOf("1 (a) S")).toBeUndefined();
  });

  test("os-release in every quoting", () => {
    const text = 'NAME=\'A B\'\nVERSION_ID=3\nPRETTY="x \\"y\\""\n# NO=1\nEMPTY=\nbroken\n';
    expect([...parseOsRelease(text)]).toEqual([
      ["NAME", "A B"],
      ["VERSION_ID", "3"],
      ["PRETTY", 'x "y"'],
    ]);
  });
});

describe("this host", () => {
  test("tells of this very process", () => {
    const resources = new ProcessResources({
      serviceName: undefined,
      resourceAttributes: [],
      report: () => {},
    });
    const hello = { executable: "", args: ["bun", "test"], environment: new Map() };
    const attributes = new Map(resources.processOf(1, process.pid, hello).resource.attributes);
    const started = Date.parse(String(attributes.get("process.creation.time")));
    expect(Math.abs(started - (Date.now() - process.uptime() * 1_000))).toBeLessThan(5_000);
    expect(String(attributes.get("process.executable.name"))).toStartWith("bun");
  });

  test("pipes and directories are not read", () => {
    expect(systemFiles.text("/dev/null")).toBeUndefined();
    expect(systemFiles.text("/tmp")).toBeUndefined();
    expect(systemFiles.text("/nowhere")).toBeUndefined();
  });
});

function expectedArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}
