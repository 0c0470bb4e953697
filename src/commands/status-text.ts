/** A status as a person reads it. Invariant: every drop reason with a count is shown. */
import { printable } from "../lib/printable.ts";
import { type BlindSpotFinding, blindSpots, blindSpotText, isGap } from "../model/visibility.ts";
import type { AgentStatus, ExporterStatus } from "../self/status.ts";
import type { UnhookedProcess } from "./unhooked.ts";

/** Rows of a person's screen; the JSON has all. */
const NOT_HOOKED_ROWS_MAX = 20;

export function renderStatus(
  status: AgentStatus,
  directory: string,
  notHooked: readonly UnhookedProcess[] = [],
): string {
  const tracing = status.active ? "on" : "off (olly trace start)";
  const messages = sumOf(status.messages);
  const lines = [
    `olly ${status.version}, pid ${status.pid}, since ${status.startedAt}, in ${directory}`,
    `tracing   ${tracing}`,
    `seen      ${messages} messages: ${status.spans} spans, ${status.logs} log records`,
    `dropped   ${dropsText(status.drops)}`,
    ...leftAloneLines(status),
    `not seen  ${notVisibleText(status.notVisible)}`,
    ...notHookedLines(notHooked),
    ...status.exporters.map((exporter) => `${exporter.name.padEnd(8)}  ${exporterText(exporter)}`),
    "",
    ...processLines(status),
    ...notHookedTable(notHooked),
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

/** "3 processes that were started under this agent: statically linked 2, Go 1" */
function notHookedLines(processes: readonly UnhookedProcess[]): string[] {
  if (processes.length === 0) return [];
  const counts: Record<string, number> = {};
  for (const process of processes) {
    const reason = whyNotHooked(process);
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  const what = processes.length === 1 ? "process that was" : "processes that were";
  return [`no hook   ${processes.length} ${what} started under this agent: ${dropsText(counts)}`];
}

/** The first reason for which the library cannot get in. */
function whyNotHooked({ because, notVisible }: UnhookedProcess): string {
  const whole = notVisible.find(({ spot }) => blindSpots[spot].kind === "whole");
  if (whole !== undefined) return blindSpots[whole.spot].title;
  return because === "" ? "not known why" : because;
}

function notHookedTable(processes: readonly UnhookedProcess[]): string[] {
  if (processes.length === 0) return [];
  const shown = processes.slice(0, NOT_HOOKED_ROWS_MAX);
  const rows = shown.map((one) => {
    const gaps = one.notVisible.filter(isGap).map(blindSpotText);
    const reasons = one.because === "" ? gaps : [one.because, ...gaps];
    return [String(one.pid), one.executable, reasons.join(", ")];
  });
  const more = processes.length - shown.length;
  const rest = more === 0 ? [] : [`and ${more} more: olly status --json`];
  return ["", ...table([["PID", "NOT HOOKED", "NOT VISIBLE"], ...rows]), ...rest];
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
