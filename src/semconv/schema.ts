/** The semantic conventions that every emitted name follows. */

/** schema_url of every resource and scope (released schema, semantic conventions 1.44.0). */
export const SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0";
