/** What requests are called, where recorded ones do not show it. */
import { describe, expect, test } from "bun:test";
import type { RequestHead } from "../overlay.ts";
import { endpointOf } from "./elasticsearch/endpoints.ts";
import { apiOf, providerOf } from "./genai/apis.ts";
import { executed, operationsOf } from "./graphql/document.ts";
import { overlayCallOf } from "./index.ts";
import { operationOf } from "./s3/operation.ts";

type Fields = Readonly<Record<string, string>>;

function head(method: string, target: string, fields: Fields = {}, host = "a.test"): RequestHead {
  const field = (name: string) => fields[name];
  return { method, target, host, version: "1.1", hasUnknown: false, field };
}

describe("S3", () => {
  const cases: [method: string, host: string, target: string, expected: string][] = [
    ["GET", "s3.amazonaws.com", "/", "ListBuckets - -"],
    ["GET", "photos.s3.eu-west-1.amazonaws.com", "/", "ListObjects photos -"],
    ["GET", "photos.s3.amazonaws.com", "/a/b%20c", "GetObject photos a/b c"],
    ["GET", "my.photos.s3.amazonaws.com", "/?list-type=2&prefix=a", "ListObjectsV2 my.photos -"],
    [
      "PUT",
      "s3-eu-west-1.amazonaws.com",
      "/photos/k?partNumber=3&uploadId=u",
      "UploadPart photos k",
    ],
    ["PUT", "127.0.0.1:9000", "/photos", "CreateBucket photos -"],
    ["PUT", "minio:9000", "/photos/?versioning", "PutBucketVersioning photos -"],
    ["DELETE", "localhost", "/photos/?lifecycle=", "DeleteBucketLifecycle photos -"],
    ["POST", "localhost", "/photos?delete", "DeleteObjects photos -"],
    ["GET", "localhost", "/photos/k?tagging", "GetObjectTagging photos k"],
    ["HEAD", "localhost", "/photos/k?versionId=x", "HeadObject photos k"],
    ["POST", "localhost", "/photos/k?uploadId=u", "CompleteMultipartUpload photos k"],
    ["DELETE", "localhost", "/photos/k?uploadId=u", "AbortMultipartUpload photos k"],
    ["GET", "localhost", "/photos/k?constructor", "GetObject photos k"],
    ["PATCH", "localhost", "/photos/k", "- photos k"],
    ["constructor", "localhost", "/photos/?acl", "- photos -"],
    ["GET", "photos.files.test", "/k", "- - -"],
  ];
  test.each(cases)("%s %s%s is %s", (method, host, target, expected) => {
    const path = target.split("?", 1)[0] ?? "";
    const { name, bucket, key } = operationOf({ method, host, path, target, isCopy: false });
    expect([name, bucket, key].map((part) => part ?? "-").join(" ")).toBe(expected);
  });

  test("a copy", () => {
    const request = { method: "PUT", host: "localhost", path: "/b/k", isCopy: true };
    expect(operationOf({ ...request, target: "/b/k" }).name).toBe("CopyObject");
    const part = "/b/k?partNumber=1&uploadId=u";
    expect(operationOf({ ...request, target: part })).toMatchObject({
      ...{ name: "UploadPartCopy", partNumber: 1, uploadId: "u" },
    });
  });
});

describe("Elasticsearch", () => {
  const cases: [method: string, path: string, operation: string | undefined, values?: string][] = [
    ["GET", "/", "info"],
    ["POST", "/a,b/_search", "search", "index=a,b"],
    ["GET", "/_all/_search", "search", "index=_all"],
    ["PUT", "/orders/_doc/a%2Fb", "index", "index=orders id=a/b"],
    ["DELETE", "/orders/_doc/1", "delete", "index=orders id=1"],
    ["GET", "/_cat/indices/or*", "cat.indices", "index=or*"],
    ["GET", "/_cluster/health/orders", "cluster.health", "index=orders"],
    ["PUT", "/_snapshot/r/s", "snapshot.create", "repository=r snapshot=s"],
    ["POST", "/logs/_rollover", "indices.rollover", "alias=logs"],
    ["GET", "/_nodes/stats", "nodes.stats"],
    ["GET", "/_unknown", undefined],
    ["PATCH", "/orders/_search", undefined],
    ["GET", "/a/b/c/d/e/f/g", undefined],
  ];
  test.each(cases)("%s %s is %p", (method, path, operation, values = "") => {
    const found = endpointOf(method, path);
    expect(found?.operation).toBe(operation as string);
    const told = found?.parameters.map(([name, value]) => `${name}=${value}`).join(" ");
    expect(told ?? "").toBe(values);
  });
});

describe("GraphQL", () => {
  const cases: [text: string, expected: string | undefined][] = [
    ["{ a }", "query"],
    ["query { a }", "query"],
    ["mutation Add($x: In = {y: 1}) @d(a: {b: 2}) { add }", "mutation Add"],
    ['# query X\n"""not { a"""', undefined],
    ["fragment query on X { a } query Q { ...query }", "query Q"],
    ['query A { a(x: "} mutation B {") } subscription C { c }', "query A,subscription C"],
    ['{ a(x: """ } " query Z { """) } query B { b }', "query,query B"],
    ["shoes", undefined],
    ["query for shoes", ""],
    ["", undefined],
    ["} {", undefined],
    ["query A { a(x: ", "query A"],
  ];
  test.each(cases)("%s", (text, expected) => {
    const told = operationsOf(text)?.map(({ type, name }) => (name ? `${type} ${name}` : type));
    if (expected === "") expect(told).toBeUndefined();
    else expect(told?.join(",")).toBe(expected as string);
  });

  test("of several operations the named one is executed, or none is known", () => {
    const several = operationsOf("query A { a } mutation B { b }") ?? [];
    expect(executed(several, "B")?.type).toBe("mutation");
    expect(executed(several, "C")).toBeUndefined();
    expect(executed(several, undefined)).toBeUndefined();
  });

  test("time is linear", () => {
    for (const text of ['"""', '"\\', "{", "query A", "#\n", "("]) {
      operationsOf(text.repeat(300_000));
    }
  });
});

describe("GenAI", () => {
  const cases: [path: string, expected: string | undefined][] = [
    ["/v1/chat/completions", "openai chat chat_completions"],
    ["/openai/deployments/x/chat/completions?api-version=1", "openai chat chat_completions"],
    ["/v1/responses", "openai chat responses"],
    ["/v1/completions", "openai text_completion"],
    ["/api/v1/embeddings", "openai embeddings"],
    ["/api/embeddings", "ollama embeddings"],
    ["/api/generate", "ollama text_completion"],
    ["/v1/messages", undefined],
    ["/shop/responses", undefined],
    ["/v1/constructor", undefined],
    ["/v1/responses/resp_1", undefined],
  ];
  test.each(cases)("%s is %p", (path, expected) => {
    const api = apiOf(head("POST", path));
    const told = api && [api.family, api.operation, api.type].filter(Boolean).join(" ");
    expect(told).toBe(expected as string);
  });

  test("providers", () => {
    expect(providerOf("openai", "x.openai.azure.com:443")).toBe("azure.ai.openai");
    expect(providerOf("openai", "api.mistral.ai")).toBe("mistral_ai");
    expect(providerOf("openai", "gateway.test")).toBe("openai");
    expect(apiOf(head("POST", "/v1/messages", { "anthropic-version": "1" }))?.family).toBe(
      "anthropic",
    );
  });
});

describe("requests of nobody", () => {
  test.each([
    ["GET", "/orders/7", {}],
    ["GET", "/_next/static/x.js", {}],
    ["POST", "/login", { "content-type": "application/x-www-form-urlencoded" }],
    ["GET", "/x", { "x-amz-date": "1", authorization: "Bearer s3" }],
    ["GET", "/x?X-Amz-Credential=a%2F20260101%2Feu%2Fsqs%2Faws4_request", {}],
  ] as const)("%s %s", (method, target, fields) => {
    expect(overlayCallOf(head(method, target, fields))).toBeUndefined();
  });

  test("a signature for another service, and one in the query", () => {
    const scope = "AK/20260101/eu-west-1/s3/aws4_request";
    const presigned = `/b/k?X-Amz-Credential=${encodeURIComponent(scope)}&X-Amz-Signature=1`;
    expect(overlayCallOf(head("GET", presigned))?.overlay.id).toBe("s3");
  });

  test.each(['{"user":1}', '["x"]', "null", '{"query":"shoes","page":1}', '{"id":7,"name":"x"}'])(
    "a post of %s",
    (text) => {
      const call = overlayCallOf(head("POST", "/x", { "content-type": "application/json" }));
      const bytes = new TextEncoder().encode(text);
      if (call?.wantsBody("request")) call.body?.("request", bytes, 0, bytes.length);
      const draft = { name: "POST", kind: 3, attributes: [], status: 0, statusMessage: undefined };
      const end = { outcome: "complete", startNs: 1, endNs: 2, statusCode: 200, reset: undefined };
      expect(call?.describe(draft as never, end as never)).toBe(draft as never);
    },
  );
});
