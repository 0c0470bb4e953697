/** Resource attribute names (semantic conventions 1.44.0, docs/resource and docs/registry). */

export const ATTR_SERVICE_NAME = "service.name";
export const ATTR_SERVICE_INSTANCE_ID = "service.instance.id";
export const ATTR_TELEMETRY_SDK_NAME = "telemetry.sdk.name";
export const ATTR_TELEMETRY_SDK_LANGUAGE = "telemetry.sdk.language";
export const ATTR_TELEMETRY_SDK_VERSION = "telemetry.sdk.version";
export const ATTR_HOST_NAME = "host.name";
export const ATTR_HOST_ID = "host.id";
export const ATTR_HOST_ARCH = "host.arch";
export const ATTR_OS_TYPE = "os.type";
export const ATTR_OS_NAME = "os.name";
export const ATTR_OS_VERSION = "os.version";
export const ATTR_PROCESS_PID = "process.pid";
/** ISO 8601. */
export const ATTR_PROCESS_CREATION_TIME = "process.creation.time";
export const ATTR_PROCESS_EXECUTABLE_NAME = "process.executable.name";
export const ATTR_PROCESS_EXECUTABLE_PATH = "process.executable.path";
/** The first argument, the name by which the program was called. */
export const ATTR_PROCESS_COMMAND = "process.command";
export const ATTR_PROCESS_OWNER = "process.owner";
export const ATTR_CONTAINER_ID = "container.id";

/** service.name of a process of which nothing is known. */
export const UNKNOWN_SERVICE = "unknown_service";
/** Namespace of UUIDv5 instance ids (docs/registry/attributes/service.md). */
export const SERVICE_INSTANCE_NAMESPACE = "4d63009a-8d0f-11ee-aad7-4c796ed8e320";
