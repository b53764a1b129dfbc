/** How outcomes look: each form has its colour, its shape and its pattern, so that no form is told by colour alone. */

import type { GraphCron, Run } from "../types.ts";

export const FORMS = [
  "succeeded",
  "failed",
  "running",
  "waiting",
  "overBudget",
  "cancelled",
  "skipped",
  "unknown",
] as const;
export type Form = (typeof FORMS)[number];

export const FORM_LABELS: Record<Form, string> = {
  succeeded: "Succeeded",
  failed: "Failed",
  running: "Running",
  waiting: "Waits for a person",
  overBudget: "Over budget",
  cancelled: "Cancelled",
  skipped: "Skipped",
  unknown: "Unknown",
};

/** The same after a number. */
export const FORM_WORDS: Record<Form, string> = {
  succeeded: "succeeded",
  failed: "failed",
  running: "running",
  waiting: "waiting",
  overBudget: "over budget",
  cancelled: "cancelled",
  skipped: "skipped",
  unknown: "unknown",
};

const FORM_OF = new Map<string, Form>(Object.entries({
  Succeeded: "succeeded",
  GraphError: "failed",
  Timeout: "failed",
  Rejected: "failed",
  ServerUnreachable: "failed",
  InternalError: "failed",
  Failed: "failed",
  Interrupted: "waiting",
  OverBudget: "overBudget",
  Cancelled: "cancelled",
  Stopped: "cancelled",
  Skipped: "skipped",
  Running: "running",
  // Its Job does not exist yet.
  Waiting: "running",
}));

/** Return the form of an outcome. */
export function formOf(outcome: string): Form {
  return FORM_OF.get(outcome) ?? "unknown";
}

/** Return the newest run that has ended and was not skipped. */
export function lastRun(cron: GraphCron): Run | undefined {
  return cron.runs.find((run) => !["skipped", "running"].includes(formOf(run.outcome)));
}

export type Health = "ok" | "failing" | "attention" | "off";

/** Return what the dot before a name shows. */
export function healthOf(cron: GraphCron): Health {
  if (cron.ready === "False") return "failing";
  const last = lastRun(cron);
  const form = last && formOf(last.outcome);
  if (form === "failed" || form === "overBudget") return "failing";
  if (cron.suspended) return "off";
  if (cron.summary || cron.ready === "Unknown" || form === "waiting") return "attention";
  return cron.stopped ? "off" : "ok";
}

export const HEALTH_LABELS: Record<Health, string> = {
  ok: "Ready",
  failing: "Failing",
  attention: "Needs attention",
  off: "No runs are due",
};
