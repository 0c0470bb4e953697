/**
 * Amazon S3 and what speaks its API (docs/object-stores/s3.md). A request is one of them when it is
 * signed for the service s3, or its host is Amazon's. Invariant: no signature and no credential is
 * told. error.type: the code of the XML error, else that of the HTTP span.
 */
import { latin1Of } from "../../../../lib/bytes.ts";
import type { Attribute } from "../../../../model/attributes.ts";
import type { Side } from "../../../../model/connection.ts";
import { type SpanDraft, StatusCode } from "../../../../model/span.ts";
import {
  ATTR_AWS_EXTENDED_REQUEST_ID,
  ATTR_AWS_REQUEST_ID,
  ATTR_AWS_S3_BUCKET,
  ATTR_AWS_S3_COPY_SOURCE,
  ATTR_AWS_S3_KEY,
  ATTR_AWS_S3_PART_NUMBER,
  ATTR_AWS_S3_UPLOAD_ID,
  ATTR_CLOUD_REGION,
  RPC_SYSTEM_AWS,
} from "../../../../semconv/aws.ts";
import { ATTR_HTTP_RESPONSE_STATUS_CODE } from "../../../../semconv/http.ts";
import { ATTR_ERROR_TYPE } from "../../../../semconv/network.ts";
import { ATTR_RPC_METHOD, ATTR_RPC_SYSTEM_NAME } from "../../../../semconv/rpc.ts";
import type { Overlay, OverlayCall, RequestHead, ResponseHead } from "../../overlay.ts";
import { pathOf, sharedAttributes, textAttribute, unescapedPart } from "../../shared.ts";
import { isAwsS3, operationOf, type S3Operation } from "./operation.ts";

const SERVICE = "S3";
const ERROR_BYTES_MAX = 1024;
const ERROR_STATUS_MIN = 400;
/** "AKID/20260101/us-east-1/s3/aws4_request" (Signature Version 4, credential scope). */
const SCOPE = /\/\d{8}\/([a-z0-9-]+)\/s3(?:express)?\/aws4_request/;
/** Operations that may fail behind a status of 200 (their reference pages say so). */
const LATE_ERRORS: ReadonlySet<string> = new Set([
  ...["CompleteMultipartUpload", "CopyObject", "UploadPartCopy"],
]);
const ERROR_CODE =
  /^[^<]*(?:<\?[^>]*>\s*)?<Error[^>]*>[\s\S]*?<Code>([A-Za-z0-9_.-]{1,64})<\/Code>/;

export const s3: Overlay = {
  id: "s3",
  fields: [
    ...["x-amz-date", "x-amz-content-sha256", "authorization", "x-amz-copy-source"],
    ...["x-amz-request-id", "x-amz-id-2"],
  ],
  begin(head) {
    const { method, target } = head;
    if (method === undefined || target === undefined) return undefined;
    const scope = scopeOf(head, target);
    if (scope === undefined && !isAwsS3(head.host)) return undefined;
    return new S3Call(head, { method, target, region: scope });
  },
};

/** The region that the request is signed for; undefined = it is not signed for S3. */
function scopeOf(head: RequestHead, target: string): string | undefined {
  if (head.field("x-amz-content-sha256") !== undefined || head.field("x-amz-date") !== undefined) {
    return SCOPE.exec(head.field("authorization") ?? "")?.[1];
  }
  const at = target.indexOf("X-Amz-Credential=");
  if (at < 0) return undefined;
  return SCOPE.exec(unescapedPart(target.slice(at).split("&", 1)[0] ?? ""))?.[1];
}

interface Signed {
  readonly method: string;
  readonly target: string;
  readonly region: string | undefined;
}

class S3Call implements OverlayCall {
  readonly overlay = s3;
  readonly lacksFields = false;
  readonly #operation: S3Operation;
  readonly #region: string | undefined;
  readonly #copySource: string | undefined;
  #requestId: string | undefined;
  #extendedId: string | undefined;
  #wantsError = false;
  #error = "";

  constructor(head: RequestHead, { method, target, region }: Signed) {
    this.#region = region;
    const copySource = method === "PUT" ? head.field("x-amz-copy-source") : undefined;
    this.#copySource = copySource === undefined ? undefined : unescapedPart(copySource);
    const isCopy = copySource !== undefined;
    this.#operation = operationOf({
      ...{ method, target, host: head.host, path: pathOf(target), isCopy },
    });
  }

  wantsBody(side: Side): boolean {
    return side === "response" && this.#wantsError;
  }

  body(_side: Side, bytes: Uint8Array, start: number, end: number): void {
    const most = start + ERROR_BYTES_MAX - this.#error.length;
    this.#error += latin1Of(bytes, start, Math.min(end, most));
    this.#wantsError = this.#error.length < ERROR_BYTES_MAX;
  }

  missed(): void {
    this.#wantsError = false;
  }

  answered(head: ResponseHead): void {
    this.#requestId = head.field("x-amz-request-id");
    this.#extendedId = head.field("x-amz-id-2");
    const isLate = LATE_ERRORS.has(this.#operation.name ?? "");
    this.#wantsError = isLate || head.statusCode >= ERROR_STATUS_MIN;
  }

  describe(draft: SpanDraft): SpanDraft {
    const { name } = this.#operation;
    const code = ERROR_CODE.exec(this.#error)?.[1];
    const errorType = code ?? textAttribute(draft, ATTR_ERROR_TYPE);
    const attributes: Attribute[] = [[ATTR_RPC_SYSTEM_NAME, RPC_SYSTEM_AWS]];
    if (name !== undefined) attributes.push([ATTR_RPC_METHOD, `${SERVICE}/${name}`]);
    attributes.push(...this.#told());
    if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
    attributes.push(...sharedAttributes(draft, ATTR_HTTP_RESPONSE_STATUS_CODE));
    return {
      name: name === undefined ? SERVICE : `${SERVICE}.${name}`,
      kind: draft.kind,
      attributes,
      status: errorType === undefined ? StatusCode.unset : StatusCode.error,
      statusMessage: undefined,
    };
  }

  #told(): Attribute[] {
    const { bucket, key, partNumber, uploadId } = this.#operation;
    const all: [name: string, value: string | number | undefined][] = [
      [ATTR_AWS_S3_BUCKET, bucket],
      [ATTR_AWS_S3_KEY, key],
      [ATTR_AWS_S3_COPY_SOURCE, this.#copySource],
      [ATTR_AWS_S3_PART_NUMBER, partNumber],
      [ATTR_AWS_S3_UPLOAD_ID, uploadId],
      [ATTR_CLOUD_REGION, this.#region],
      [ATTR_AWS_REQUEST_ID, this.#requestId],
      [ATTR_AWS_EXTENDED_REQUEST_ID, this.#extendedId],
    ];
    return all.filter((pair): pair is [string, string | number] => pair[1] !== undefined);
  }
}
