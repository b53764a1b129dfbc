/** The answers to the four questions: did it run, what comes, do they pile up, what did it cost. */

import type { GraphCron, Load, Run } from "../types.ts";
import { countedAt } from "./cost.ts";
import { peakOf, summariesOf, sumOf, type Peak, type ServerSummary } from "./load.ts";
import { amount } from "./numbers.ts";
import { formOf, healthOf, type Form } from "./outcomes.ts";
import { DAY, ms } from "./time.ts";

/** The forms of runs that have ended, in the order in which they are shown. */
export const ENDED: readonly Form[] = ["succeeded", "failed", "overBudget", "waiting", "cancelled", "skipped", "unknown"];

export interface Summary {
  /** Ended and skipped runs of the last 24 hours by form. */
  ended: Record<Form, number>;
  active: number;
  failing: number;
  tokens: number;
  cost: number;
  atLeast: boolean;
  next: { cron: GraphCron; at: number } | undefined;
}

/**
 * Return what has happened in the last 24 hours, and what comes next.
 *
 * @param loose runs of the GraphRuns that belong to no GraphCron
 */
export function summaryOf(crons: readonly GraphCron[], loose: readonly Run[], now: number): Summary {
  const summary: Summary = {
    ended: { succeeded: 0, failed: 0, running: 0, waiting: 0, overBudget: 0, cancelled: 0, skipped: 0, unknown: 0 },
    active: 0,
    failing: 0,
    tokens: 0,
    cost: 0,
    atLeast: false,
    next: undefined,
  };
  const count = (run: Run): void => {
    const form = formOf(run.outcome);
    if (!(countedAt(run) > now - DAY) || form === "running") return;
    summary.ended[form] += run.count ?? 1;
    summary.tokens += run.tokens ?? 0;
    summary.cost += amount(run.cost);
    summary.atLeast ||= Boolean(run.tokensAtLeast);
  };
  for (const run of loose) {
    if (formOf(run.outcome) === "running") summary.active += 1;
    count(run);
  }
  for (const cron of crons) {
    summary.active += cron.active.length;
    if (healthOf(cron) === "failing") summary.failing += 1;
    cron.runs.forEach(count);
    for (const time of cron.next) {
      const at = ms(time);
      if (at > now && (!summary.next || at < summary.next.at)) summary.next = { cron, at };
    }
  }
  return summary;
}

export interface Pile {
  starts: number;
  peak: Peak;
  /** The server that is over its limit for the longest time. */
  worst: ServerSummary | undefined;
}

/** Return whether runs pile up in the next 24 hours. */
export function pileOf(load: Load): Pile {
  const total = sumOf(load.servers.map((server) => server.starts), load.minutes);
  const over = summariesOf(load).filter((server) => server.minutesOver);
  return {
    starts: total.reduce((a, b) => a + b, 0),
    peak: peakOf(total),
    worst: over.sort((a, b) => b.minutesOver - a.minutesOver)[0],
  };
}
