/** Tokens and money by day and GraphCron. */

import type { GraphCron, Run } from "../types.ts";
import { amount } from "./numbers.ts";
import { LOOSE } from "./rows.ts";
import { DAY, ms, startOfDay, type Zone } from "./time.ts";

export type Unit = "tokens" | "cost";
export const OTHERS = "others";

export interface Series {
  /** The GraphCron, or nothing for GraphRuns without one and for all others. */
  cron: GraphCron | undefined;
  label: string;
  values: number[];
  total: number;
}

export interface Days {
  /** Starts of the days, oldest first. */
  days: number[];
  series: Series[];
  total: number;
  /** Whether some run may have used more than was counted. */
  atLeast: boolean;
}

export function used(run: Run, unit: Unit): number {
  return unit === "tokens" ? (run.tokens ?? 0) : amount(run.cost);
}

/** Return when a run's use is counted: at its end, as the budget does. */
export function countedAt(run: Run): number {
  return [run.completionTime, run.startTime, run.scheduledTime].map(ms).find((at) => !Number.isNaN(at)) ?? NaN;
}

/** Return the use of the last days, stacked by the GraphCrons that used the most; GraphRuns without one are together. */
export function daysOf(
  crons: readonly GraphCron[],
  loose: readonly Run[],
  unit: Unit,
  now: number,
  zone: Zone,
  length = 14,
  top = 10,
): Days {
  const today = startOfDay(now, zone);
  const days: number[] = [];
  // Noon of a day is on that day, no matter whether a clock change makes the day shorter.
  for (let back = length - 1; back >= 0; back--) days.push(startOfDay(today + DAY / 2 - back * DAY, zone));
  const index = new Map(days.map((at, position) => [at, position]));
  let atLeast = false;
  const all: Series[] = [];
  const add = (cron: GraphCron | undefined, label: string, runs: readonly Run[]): void => {
    const values = new Array<number>(length).fill(0);
    let total = 0;
    for (const run of runs) {
      const at = countedAt(run);
      const position = Number.isNaN(at) ? undefined : index.get(startOfDay(at, zone));
      const value = used(run, unit);
      if (position === undefined || !value) continue;
      values[position] = (values[position] ?? 0) + value;
      total += value;
      atLeast ||= Boolean(run.tokensAtLeast);
    }
    if (total) all.push({ cron, label, values, total });
  };
  for (const cron of crons) add(cron, cron.name, cron.runs);
  add(undefined, LOOSE, loose);
  all.sort((a, b) => b.total - a.total);
  const series = all.slice(0, top);
  const rest = all.slice(top);
  if (rest.length) {
    const values = days.map((_, position) => rest.reduce((sum, each) => sum + (each.values[position] ?? 0), 0));
    series.push({ cron: undefined, label: `${rest.length} ${OTHERS}`, values, total: rest.reduce((a, b) => a + b.total, 0) });
  }
  return { days, series, total: all.reduce((sum, each) => sum + each.total, 0), atLeast };
}

export interface BudgetBar {
  cron: GraphCron;
  unit: Unit;
  used: number;
  limit: number;
  left: number;
  /** From 0 to 1, or more if over the limit. */
  share: number;
}

/** Return all budgets with a limit for a window, those with the least left first. */
export function budgetsOf(crons: readonly GraphCron[]): BudgetBar[] {
  const bars: BudgetBar[] = [];
  const add = (cron: GraphCron, unit: Unit, spent: number, limit: number): void => {
    if (limit > 0) bars.push({ cron, unit, used: spent, limit, left: Math.max(0, limit - spent), share: spent / limit });
  };
  for (const cron of crons) {
    const { budget } = cron;
    if (!budget) continue;
    add(cron, "tokens", budget.tokens ?? 0, budget.maxTokens ?? 0);
    add(cron, "cost", amount(budget.cost), amount(budget.maxCost));
  }
  return bars.sort((a, b) => b.share - a.share);
}

export interface ForecastRow {
  cron: GraphCron;
  runs: number;
  tokens: number | undefined;
  cost: number | undefined;
}

export interface ForecastTotal {
  until: number;
  runs: number;
  tokens: number;
  cost: number;
  /** GraphCrons that have runs ahead, and no ended run to estimate from. */
  unknown: number;
  rows: ForecastRow[];
}

/** Return what is expected until the end of the month, in total and by GraphCron, the largest first. */
export function forecastOf(crons: readonly GraphCron[]): ForecastTotal {
  const total: ForecastTotal = { until: NaN, runs: 0, tokens: 0, cost: 0, unknown: 0, rows: [] };
  for (const cron of crons) {
    const { forecast } = cron;
    if (!forecast) continue;
    if (forecast.until) total.until = ms(forecast.until);
    total.runs += forecast.runs;
    total.tokens += forecast.tokens ?? 0;
    total.cost += amount(forecast.cost);
    if (!forecast.runs) continue;
    if (forecast.tokens == null && forecast.cost == null) total.unknown += 1;
    total.rows.push({
      cron,
      runs: forecast.runs,
      tokens: forecast.tokens ?? undefined,
      cost: forecast.cost == null ? undefined : amount(forecast.cost),
    });
  }
  total.rows.sort((a, b) => (b.cost ?? 0) - (a.cost ?? 0) || (b.tokens ?? 0) - (a.tokens ?? 0) || b.runs - a.runs);
  return total;
}
