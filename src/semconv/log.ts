/** Attribute names of log records (semantic conventions 1.44.0, docs/general/logs.md). */

/** "stdout" or "stderr". */
export const ATTR_LOG_IOSTREAM = "log.iostream";
/** The base name of the file; its directory is opt-in and not recorded. */
export const ATTR_LOG_FILE_NAME = "log.file.name";
export const ATTR_THREAD_ID = "thread.id";

/** Fields of RFC 5424 by the names of the log data model's syslog mapping. */
export const ATTR_SYSLOG_FACILITY = "syslog.facility";
export const ATTR_SYSLOG_HOSTNAME = "syslog.hostname";
export const ATTR_SYSLOG_APPNAME = "syslog.appname";
export const ATTR_SYSLOG_PROCID = "syslog.procid";
export const ATTR_SYSLOG_MSGID = "syslog.msgid";
/** Followed by SD-ID and parameter name: syslog.structured_data.<id>.<name>. */
export const ATTR_SYSLOG_STRUCTURED_DATA = "syslog.structured_data";

/** Our own: true when the end of the line was not captured or was cut. */
export const ATTR_OLLY_LOG_TRUNCATED = "olly.log.truncated";
