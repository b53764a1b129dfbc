/** Columns of the table: what they show as a value to sort by. */

import type { GraphCron } from "../types.ts";
import { formOf, healthOf, lastRun, type Health } from "./outcomes.ts";
import { amount } from "./numbers.ts";
import { ms } from "./time.ts";

export const COLUMNS = [
  { id: "name", label: "Name" },
  { id: "namespace", label: "Namespace" },
  { id: "state", label: "State" },
  { id: "schedule", label: "Schedule" },
  { id: "server", label: "Server" },
  { id: "recent", label: "Recent runs" },
  { id: "last", label: "Last run" },
  { id: "next", label: "Next" },
  { id: "median", label: "Median", number: true },
  { id: "tokens", label: "Tokens", number: true },
  { id: "cost", label: "Cost", number: true },
] as const;

export type ColumnId = (typeof COLUMNS)[number]["id"];

export interface Sorting {
  column: ColumnId;
  descending: boolean;
}

const HEALTH_ORDER: Health[] = ["failing", "attention", "ok", "off"];

/** Return the state as one word: `list` leaves it empty for a GraphCron that is ready. */
export function stateOf(cron: GraphCron): string {
  return cron.state || (cron.ready === "True" ? "Ready" : cron.ready === "False" ? "Not ready" : "Unknown");
}

/** Return the tokens of the listed runs. */
export function tokensOf(cron: GraphCron): number {
  return cron.runs.reduce((sum, run) => sum + (run.tokens ?? 0), 0);
}

/** Return the cost of the listed runs. */
export function costOf(cron: GraphCron): number {
  return cron.runs.reduce((sum, run) => sum + amount(run.cost), 0);
}

function valueOf(cron: GraphCron, column: ColumnId): string | number {
  const failed = (): number => cron.runs.filter((run) => formOf(run.outcome) === "failed").length;
  const last = lastRun(cron);
  switch (column) {
    case "name":
      return cron.name;
    case "namespace":
      return cron.namespace;
    case "state":
      return HEALTH_ORDER.indexOf(healthOf(cron)) + stateOf(cron);
    case "schedule":
      return cron.scheduleText;
    case "server":
      return cron.server;
    case "recent":
      return failed();
    case "last":
      return ms(last?.scheduledTime ?? last?.startTime);
    case "next":
      return ms(cron.next[0]);
    case "median":
      return cron.medianSeconds ?? NaN;
    case "tokens":
      return tokensOf(cron) || NaN;
    case "cost":
      return costOf(cron) || NaN;
  }
}

/** Return the GraphCrons in order; those without a value come last in both directions. */
export function sorted(crons: readonly GraphCron[], { column, descending }: Sorting): GraphCron[] {
  const sign = descending ? -1 : 1;
  return crons
    .map((cron) => ({ cron, value: valueOf(cron, column) }))
    .sort((a, b) => {
      const none = Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
      if (none) return none;
      if (a.value !== b.value && !Number.isNaN(a.value)) return a.value < b.value ? -sign : sign;
      return a.cron.name < b.cron.name ? -1 : 1;
    })
    .map(({ cron }) => cron);
}
