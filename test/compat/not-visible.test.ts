/**
 * What olly does not see of whole runtimes: a JVM, and Go with a loader. Only the long form has
 * them; the CI form of both is in test/e2e/not-visible.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { goBinary } from "../harness/collector.ts";
import { askDoctor } from "../harness/doctor.ts";
import { startAgent, type TestAgent } from "../harness/olly.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll, temporaryDirectory, waitForOutput } from "../harness/processes.ts";
import { longForm } from "./compare.ts";

const source = resolve(import.meta.dir, "../e2e/programs/waits.go");

if (longForm) {
  describe("what is not visible", () => {
    let agent: TestAgent;
    beforeAll(async () => {
      agent = await startAgent();
    });
    afterAll(stopAll);

    test("of a JVM: its TLS", async () => {
      const port = await freePort();
      const registry = "java.rmi/sun.rmi.registry.RegistryImpl";
      const program = start(["java", "-m", registry, `${port}`], { env: agent.environment });
      await waitForPort(port, "the registry");
      const told = await askDoctor(program.pid, agent.directory);
      expect(told).toMatchObject({ code: 1, hooking: "hooked", notVisible: ["TLS in the JVM"] });
      await program.stop();
    });

    test("of a Go program that a loader loads: what is Go's", async () => {
      const built = join(temporaryDirectory(), "waits-go");
      await output([goBinary(), "build", "-buildmode=pie", "-o", built, source], {
        env: { CGO_ENABLED: "0", GO111MODULE: "off", GOPROXY: "off" },
      });
      const program = start([built], { keepStdinOpen: true, env: agent.environment });
      await waitForOutput(program, /ready/);
      const told = await askDoctor(program.pid, agent.directory);
      expect(told).toMatchObject({ code: 1, notVisible: ["Go"] });
      await program.stop();
    });
  });
}
