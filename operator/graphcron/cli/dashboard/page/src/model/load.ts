/** Minutes in which many runs start, and servers that get more runs than they take. */

import type { Load, ServerLoad } from "../types.ts";
import { MINUTE, ms, SECOND } from "./time.ts";
import type { Window } from "./window.ts";

export interface Peak {
  /** Minutes after the start of the load. */
  minute: number;
  value: number;
}

export interface ServerSummary {
  server: ServerLoad;
  key: string;
  name: string;
  starts: number;
  peakStarts: Peak;
  peakRunning: Peak;
  /** Minutes in which more runs are expected than the server takes at once. */
  minutesOver: number;
}

export interface FullHour {
  /** Starts at minute 0 of any hour. */
  starts: number;
  /** Starts of all minutes. */
  all: number;
  /** Starts at the fullest of these minutes. */
  peak: number;
  /** How many times the average of the other minutes start at minute 0. */
  times: number;
}

/** Return what tells a server from the others: limits hold for the runs of one namespace on it. */
export function keyOf({ namespace, label }: ServerLoad): string {
  return `${namespace ?? ""}/${label}`;
}

/** Return the name to show for a server: with its namespace where another one has the same label. */
export function nameOf(server: ServerLoad, all: readonly ServerLoad[]): string {
  const alone = all.filter((each) => each.label === server.label).length < 2;
  return alone || !server.namespace ? server.label : `${server.label} (${server.namespace})`;
}

/** Return the largest value. */
export function peakOf(values: readonly number[]): Peak {
  let peak: Peak = { minute: 0, value: values[0] ?? 0 };
  values.forEach((value, minute) => {
    if (value > peak.value) peak = { minute, value };
  });
  return peak;
}

/** Return the window to ask for the due times of a minute: the server returns those after its start. */
export function windowOf(minute: number): Window {
  return { from: minute - SECOND, to: minute };
}

/** Return the sum of several series, minute by minute. */
export function sumOf(series: readonly (readonly number[])[], minutes: number): number[] {
  const sum = new Array<number>(minutes).fill(0);
  for (const values of series) {
    for (let minute = 0; minute < minutes; minute++) sum[minute] = (sum[minute] ?? 0) + (values[minute] ?? 0);
  }
  return sum;
}

/** Return what is known of each server, those with the most starts first. */
export function summariesOf(load: Load): ServerSummary[] {
  return load.servers
    .map((server) => ({
      server,
      key: keyOf(server),
      name: nameOf(server, load.servers),
      starts: server.starts.reduce((a, b) => a + b, 0),
      peakStarts: peakOf(server.starts),
      peakRunning: peakOf(server.running),
      minutesOver: server.max ? server.running.filter((value) => value > (server.max ?? 0)).length : 0,
    }))
    .sort((a, b) => b.starts - a.starts || (a.key < b.key ? -1 : 1));
}

/** Return the full hour's share, if its starts are numerous enough for H to help; otherwise nothing. */
export function fullHourOf(load: Load): FullHour | undefined {
  const total = sumOf(load.servers.map((server) => server.starts), load.minutes);
  const first = Math.round(ms(load.start) / MINUTE);
  let starts = 0;
  let all = 0;
  let hours = 0;
  let peak = 0;
  total.forEach((value, index) => {
    all += value;
    if ((first + index) % 60) return;
    hours += 1;
    starts += value;
    peak = Math.max(peak, value);
  });
  const rest = load.minutes - hours;
  const average = rest ? (all - starts) / rest : 0;
  const times = hours ? starts / hours / Math.max(average, 1 / 60) : 0;
  return peak >= 3 && times >= 3 ? { starts, all, peak, times } : undefined;
}

/** Return the minutes with the most starts, each with its value; neighbours of an hour are not merged. */
export function busiest(values: readonly number[], count: number): Peak[] {
  return values
    .map((value, minute): Peak => ({ minute, value }))
    .filter((peak) => peak.value > 1)
    .sort((a, b) => b.value - a.value || a.minute - b.minute)
    .slice(0, count);
}
