/** Attribute names of AWS spans (semantic conventions 1.44.0, docs/object-stores/s3.md). */

export const RPC_SYSTEM_AWS = "aws-api";
export const ATTR_AWS_REQUEST_ID = "aws.request_id";
export const ATTR_AWS_EXTENDED_REQUEST_ID = "aws.extended_request_id";
export const ATTR_AWS_S3_BUCKET = "aws.s3.bucket";
export const ATTR_AWS_S3_KEY = "aws.s3.key";
export const ATTR_AWS_S3_COPY_SOURCE = "aws.s3.copy_source";
export const ATTR_AWS_S3_PART_NUMBER = "aws.s3.part_number";
export const ATTR_AWS_S3_UPLOAD_ID = "aws.s3.upload_id";
export const ATTR_CLOUD_REGION = "cloud.region";
