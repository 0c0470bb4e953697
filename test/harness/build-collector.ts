/** Entry that builds the collector ahead of the tests. Invariant: prints its path, or fails. */
import { buildCollector } from "./collector.ts";

process.stdout.write(`${await buildCollector()}\n`);
