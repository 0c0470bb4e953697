/**
 * The `key=value,key2=value2` lists of OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS:
 * values (and keys) are percent-encoded as in W3C Baggage, without its properties.
 * Invariant: one bad member spoils the whole list (OpenTelemetry specification, resource SDK).
 */

/** The pairs in order, a later key replacing an earlier one; undefined for a malformed list. */
export function parseKeyValueList(text: string): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  for (const member of text.split(",")) {
    if (member.trim() === "") continue; // a trailing comma is common and says nothing
    const equals = member.indexOf("=");
    if (equals < 0) return undefined;
    const key = percentDecoded(member.slice(0, equals).trim());
    const value = percentDecoded(member.slice(equals + 1).trim());
    if (key === undefined || key === "" || value === undefined) return undefined;
    pairs.delete(key);
    pairs.set(key, value);
  }
  return pairs;
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a lone % or bytes that are not UTF-8
  }
}
