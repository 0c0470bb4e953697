// node's file streams, file handles, zlib and standard streams.
import { createHash } from "node:crypto";
import fs from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
const directory = fs.mkdtempSync(join(tmpdir(), "files-"));
const path = (name) => join(directory, name);

function* lines() {
  for (let at = 0; at < 5_000; at++) yield `line ${at} ${"of the file ".repeat(20)}\n`;
}

async function streams() {
  await pipeline(Readable.from(lines()), fs.createWriteStream(path("plain")));
  await pipeline(
    fs.createReadStream(path("plain")),
    zlib.createGzip(),
    fs.createWriteStream(path("gz")),
  );
  const upper = new Transform({
    transform(chunk, _encoding, done) {
      done(null, String(chunk).toUpperCase());
    },
  });
  await pipeline(
    fs.createReadStream(path("gz"), { highWaterMark: 777 }),
    zlib.createGunzip(),
    upper,
    zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
    zlib.createBrotliDecompress(),
    fs.createWriteStream(path("upper")),
  );
  const plain = fs.readFileSync(path("plain"), "utf8");
  console.log(
    "streams",
    plain.length,
    fs.readFileSync(path("upper"), "utf8") === plain.toUpperCase(),
  );
  const part = [];
  for await (const chunk of fs.createReadStream(path("plain"), { start: 1000, end: 70_000 }))
    part.push(chunk);
  console.log("part", digest(Buffer.concat(part)));
  const cut = fs.readFileSync(path("gz")).subarray(0, 5000);
  console.log(
    "cut",
    await pipeline(
      Readable.from([cut]),
      zlib.createGunzip(),
      fs.createWriteStream(path("x")),
    ).catch((error) => error.code),
  );
}

async function handles() {
  const file = await open(path("handle"), "w+");
  await file.writev([
    Buffer.from("one "),
    Buffer.from(""),
    Buffer.from("two "),
    Buffer.from("three"),
  ]);
  await file.write("TWO", 4);
  await file.appendFile(" four");
  const [first, second] = [Buffer.alloc(3), Buffer.alloc(100)];
  const { bytesRead } = await file.readv([first, second], 0);
  console.log("handle", bytesRead, String(first), String(second.subarray(0, bytesRead - 3)));
  await file.truncate(5);
  console.log(
    "size",
    (await file.stat()).size,
    await file.read(Buffer.alloc(10), 0, 10, 99).then((read) => read.bytesRead),
  );
  await file.close();
  console.log("closed", await file.read(Buffer.alloc(1), 0, 1, 0).catch((error) => error.code));
  const read = fs.openSync(path("handle"), "r");
  const code = (call) => {
    try {
      return call();
    } catch (error) {
      return `${error.code} ${error.syscall}`;
    }
  };
  console.log(
    "read only",
    code(() => fs.writeSync(read, "no")),
  );
  fs.closeSync(read);
  console.log(
    "twice",
    code(() => fs.closeSync(read)),
  );
  console.log(
    "directory",
    code(() => fs.readFileSync(directory)),
  );
  console.log(
    "missing",
    code(() => fs.openSync(path("none/at/all"), "w")),
  );
  console.log(
    "exclusive",
    code(() => fs.openSync(path("handle"), "wx")),
  );
}

async function standard() {
  let length = 0;
  const hash = createHash("sha256");
  for await (const chunk of process.stdin) {
    length += chunk.length;
    hash.update(chunk);
  }
  console.log("stdin", length, hash.digest("hex").slice(0, 16));
  fs.writeSync(1, "written to 1\n");
  fs.writeSync(2, "written to 2\n");
  process.stdout.write(`${"long ".repeat(40_000)}\n`);
  await new Promise((resolve) => process.stdout.write("flushed\n", resolve));
}

await streams();
await handles();
await standard();
fs.rmSync(directory, { recursive: true });
console.error("files.mjs ends");
