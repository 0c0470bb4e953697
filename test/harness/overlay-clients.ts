/** Client libraries (PyPI) of what is spoken on top of HTTP, fetched once, outside the project. */
import { oncePerVersion } from "./grpcio.ts";
import { python } from "./olly.ts";
import { output } from "./processes.ts";

const PACKAGES = [
  "elasticsearch==9.5.1",
  "opensearch-py==3.2.0",
  "boto3==1.44.5",
  "openai==3.54.0",
  "anthropic==2.12.0",
  "ollama==0.6.3",
  "graphql-core==3.3.2",
  "websockets==17.4",
];
const VERSION = 1;

/** A directory for PYTHONPATH. */
export function overlayClientsPath(): Promise<string> {
  return oncePerVersion(`overlay-clients-${VERSION}`, async (work) => {
    const quiet = ["--quiet", "--disable-pip-version-check", "--no-cache-dir"];
    await output([python, "-m", "pip", "install", ...quiet, "--target", work, ...PACKAGES]);
  });
}
