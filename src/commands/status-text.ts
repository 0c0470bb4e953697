/** A status as a person reads it. Invariant: every drop reason with a count is shown. */
import { printable } from "../lib/printable.ts";
import { type BlindSpotFinding, blindSpotText, isGap } from "../model/visibility.ts";
import type { AgentStatus, ExporterStatus } from "../self/status.ts";

export function renderStatus(status: AgentStatus, directory: string): string {
  const tracing = status.active ? "on" : "off (olly trace start)";
  const messages = sumOf(status.messages);
  const lines = [
    `olly ${status.version}, pid ${status.pid}, since ${status.startedAt}, in ${directory}`,
    `tracing   ${tracing}`,
    `seen      ${messages} messages: ${status.spans} spans, ${status.logs} log records`,
    `dropped   ${dropsText(status.drops)}`,
    ...leftAloneLines(status),
    `not seen  ${notVisibleText(status.notVisible)}`,
    ...status.exporters.map((exporter) => `${exporter.name.padEnd(8)}  ${exporterText(exporter)}`),
    "",
    ...processLines(status),
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function leftAloneLines({ leftAlone }: AgentStatus): string[] {
  const processes = sumOf(leftAlone);
  if (processes === 0) return [];
  return [`left out  ${processes} processes: ${dropsText(leftAlone)}`];
}

function exporterText(exporter: ExporterStatus): string {
  const exported = `${exporter.exportedSpans} spans and ${exporter.exportedLogs} log records sent`;
  const parts = [exporter.state, exported];
  if (exporter.queued > 0) parts.push(`${exporter.queued} waiting`);
  if (exporter.failedSpans + exporter.failedLogs > 0) {
    parts.push(`lost ${exporter.failedSpans} spans and ${exporter.failedLogs} log records`);
  }
  if (exporter.lastError !== undefined) parts.push(`last failure: ${exporter.lastError}`);
  return parts.join(", ");
}

function processLines(status: AgentStatus): string[] {
  if (status.processes.length === 0) return ["no process is hooked: olly run -- CMD"];
  const rows = status.processes.map((one) => [
    String(one.pid),
    one.service,
    one.executable,
    String(one.messages),
    String(one.spans),
    String(one.logs),
    dropsText(one.drops),
    findingsText(one.notVisible),
  ]);
  return table([[...columns], ...rows]);
}

const columns = [
  ...["PID", "SERVICE", "EXECUTABLE", "MESSAGES", "SPANS", "LOGS", "DROPPED", "NOT VISIBLE"],
] as const;

/** How many processes, under each reason. */
function notVisibleText(processes: Readonly<Record<string, number>>): string {
  const counted = Object.entries(processes).filter(([, count]) => count > 0);
  if (counted.length === 0) return "nothing found";
  const spots = counted.map(([spot, count]) => `${spot} ${count}`).join(", ");
  return `${spots} (processes, by reason; olly doctor says more)`;
}

function findingsText(findings: readonly BlindSpotFinding[] | undefined): string {
  if (findings === undefined) return "not looked at yet";
  const gaps = findings.filter(isGap);
  return gaps.length === 0 ? "nothing" : gaps.map(blindSpotText).join(", ");
}

function dropsText(drops: Readonly<Record<string, number>>): string {
  const counted = Object.entries(drops).filter(([, count]) => count > 0);
  if (counted.length === 0) return "nothing";
  return counted.map(([reason, count]) => `${reason} ${count}`).join(", ");
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
