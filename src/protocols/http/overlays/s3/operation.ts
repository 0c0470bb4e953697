/**
 * Which operation of S3 a request is (Amazon S3 API Reference, "Actions"). Invariant: where host
 * and path allow two readings, nothing is said.
 */
import { queryOf, unescapedPart } from "../../shared.ts";

export interface S3Operation {
  /** Of the API; undefined = not known. */
  readonly name: string | undefined;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly partNumber: number | undefined;
  readonly uploadId: string | undefined;
}

type Level = "service" | "bucket" | "object";

/** "bucket.s3.region.amazonaws.com", "s3.region.amazonaws.com", "s3-region.amazonaws.com" */
const AWS_HOST =
  /^(?:(.+)\.)?s3(?:express-[a-z0-9-]+)?[.-](?:[a-z0-9.-]+\.)?amazonaws\.com(?:\.cn)?$/;
/** Hosts that hold no bucket: an address, a name without dots, one that says what it is. */
const PATH_HOST =
  /^(?:[\d.]+|\[.*\]|[^.]+|(?:s3|minio|storage|objects?|ceph|rgw)[.-].*|[^.]+\.localhost)$/;

export function isAwsS3(host: string | undefined): boolean {
  return host?.includes("amazonaws.com") === true && AWS_HOST.test(hostNameOf(host));
}

function hostNameOf(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

interface Place {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

/** undefined = two readings. */
function placeOf(host: string | undefined, path: string): Place | undefined {
  const name = hostNameOf(host ?? "");
  const rest = path.replace(/^\//, "");
  const aws = AWS_HOST.exec(name);
  if (aws?.[1] !== undefined && !aws[1].startsWith("s3.")) {
    return { bucket: aws[1], key: rest === "" ? undefined : unescapedPart(rest) };
  }
  if (aws === null && !PATH_HOST.test(name)) return undefined;
  if (rest === "") return { bucket: undefined, key: undefined };
  const slash = rest.indexOf("/");
  const bucket = unescapedPart(slash < 0 ? rest : rest.slice(0, slash));
  const key = slash < 0 ? "" : rest.slice(slash + 1);
  return { bucket, key: key === "" ? undefined : unescapedPart(key) };
}

/** Sub-resources of a bucket and what they are called in GetBucketX, PutBucketX, DeleteBucketX. */
const BUCKET: Readonly<Record<string, string>> = {
  accelerate: "BucketAccelerateConfiguration",
  acl: "BucketAcl",
  analytics: "BucketAnalyticsConfiguration",
  cors: "BucketCors",
  encryption: "BucketEncryption",
  "intelligent-tiering": "BucketIntelligentTieringConfiguration",
  inventory: "BucketInventoryConfiguration",
  lifecycle: "BucketLifecycleConfiguration",
  location: "BucketLocation",
  logging: "BucketLogging",
  metrics: "BucketMetricsConfiguration",
  notification: "BucketNotificationConfiguration",
  "object-lock": "ObjectLockConfiguration",
  ownershipControls: "BucketOwnershipControls",
  policy: "BucketPolicy",
  policyStatus: "BucketPolicyStatus",
  publicAccessBlock: "PublicAccessBlock",
  replication: "BucketReplication",
  requestPayment: "BucketRequestPayment",
  tagging: "BucketTagging",
  versioning: "BucketVersioning",
  website: "BucketWebsite",
};
const OBJECT: Readonly<Record<string, string>> = {
  acl: "ObjectAcl",
  attributes: "ObjectAttributes",
  "legal-hold": "ObjectLegalHold",
  retention: "ObjectRetention",
  tagging: "ObjectTagging",
  torrent: "ObjectTorrent",
};
const VERBS: ReadonlyMap<string, string> = new Map([
  ["GET", "Get"],
  ["PUT", "Put"],
  ["DELETE", "Delete"],
]);
/** DELETE ?lifecycle is DeleteBucketLifecycle. */
const DELETES: Readonly<Record<string, string>> = { lifecycle: "DeleteBucketLifecycle" };

/** "METHOD level" and, where one decides, the key of the query. */
const NAMES: Readonly<Record<string, string>> = {
  "GET service": "ListBuckets",
  "HEAD bucket": "HeadBucket",
  "GET bucket": "ListObjects",
  "GET bucket list-type": "ListObjectsV2",
  "GET bucket versions": "ListObjectVersions",
  "GET bucket uploads": "ListMultipartUploads",
  "GET bucket session": "CreateSession",
  "PUT bucket": "CreateBucket",
  "DELETE bucket": "DeleteBucket",
  "POST bucket delete": "DeleteObjects",
  "POST bucket": "PostObject",
  "HEAD object": "HeadObject",
  "GET object": "GetObject",
  "GET object uploadId": "ListParts",
  "PUT object": "PutObject",
  "PUT object copy": "CopyObject",
  "PUT object uploadId": "UploadPart",
  "PUT object uploadId copy": "UploadPartCopy",
  "POST object uploads": "CreateMultipartUpload",
  "POST object uploadId": "CompleteMultipartUpload",
  "POST object restore": "RestoreObject",
  "POST object select": "SelectObjectContent",
  "DELETE object": "DeleteObject",
  "DELETE object uploadId": "AbortMultipartUpload",
};
/** Keys of the query that decide, the stronger first. */
const DECIDING = [
  "uploadId",
  "uploads",
  "list-type",
  "versions",
  "delete",
  "restore",
  "select",
  "session",
];

export interface S3Request {
  readonly method: string;
  readonly host: string | undefined;
  readonly path: string;
  readonly target: string;
  readonly isCopy: boolean;
}

export function operationOf(request: S3Request): S3Operation {
  const place = placeOf(request.host, request.path);
  const query = parametersOf(queryOf(request.target));
  const part = Number(query.get("partNumber"));
  const told = {
    partNumber: Number.isSafeInteger(part) && part > 0 ? part : undefined,
    uploadId: query.get("uploadId") || undefined,
  };
  if (place === undefined) return { name: undefined, bucket: undefined, key: undefined, ...told };
  const level =
    place.bucket === undefined ? "service" : place.key === undefined ? "bucket" : "object";
  return { ...place, ...told, name: nameOf(request, level, query) };
}

function nameOf(
  { method, isCopy }: S3Request,
  level: Level,
  query: ReadonlyMap<string, string>,
): string | undefined {
  const deciding = DECIDING.find((key) => query.has(key));
  const copy = isCopy ? " copy" : "";
  const base = `${method} ${level}`;
  if (deciding !== undefined) {
    const named = NAMES[`${base} ${deciding}${copy}`] ?? NAMES[`${base} ${deciding}`];
    if (named !== undefined) return named;
  }
  const resources = level === "bucket" ? BUCKET : level === "object" ? OBJECT : {};
  for (const key of query.keys()) {
    const resource = Object.hasOwn(resources, key) ? resources[key] : undefined;
    const verb = VERBS.get(method);
    if (resource === undefined || verb === undefined) continue;
    return (method === "DELETE" ? DELETES[key] : undefined) ?? `${verb}${resource}`;
  }
  return NAMES[`${base}${copy}`] ?? NAMES[base];
}

const PARAMETERS_MAX = 64;

function parametersOf(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  if (query === "") return parameters;
  for (const part of query.split("&", PARAMETERS_MAX)) {
    const equals = part.indexOf("=");
    if (equals < 0) parameters.set(part, "");
    else parameters.set(part.slice(0, equals), unescapedPart(part.slice(equals + 1)));
  }
  return parameters;
}
