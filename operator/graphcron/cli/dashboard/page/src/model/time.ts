/** Times and durations as text. */

import type { Maybe } from "../types.ts";

export type Zone = "local" | "UTC";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Return a time in milliseconds, or NaN. */
export function ms(time: Maybe<string>): number {
  return time ? Date.parse(time) : NaN;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { ...options, ...(zone === "UTC" ? { timeZone: "UTC" } : {}) });
    formats.set(key, found);
  }
  return found;
}

/** Return "18:05". */
export function clock(at: number, zone: Zone): string {
  return format(zone, "clock", { hour: "2-digit", minute: "2-digit" }).format(at);
}

/** Return "Mon 30 Nov". */
export function day(at: number, zone: Zone): string {
  return format(zone, "day", { weekday: "short", day: "numeric", month: "short" }).format(at).replace(",", "");
}

/** Return "18:05" for a time of the same day as now, otherwise "Mon 30 Nov 18:05". */
export function moment(at: number, now: number, zone: Zone): string {
  if (Number.isNaN(at)) return "";
  return day(at, zone) === day(now, zone) ? clock(at, zone) : `${day(at, zone)} ${clock(at, zone)}`;
}

/** Return "18:05" for a time of the same day as now, otherwise "30 Nov 18:05". */
export function shortMoment(at: number, now: number, zone: Zone): string {
  return moment(at, now, zone).replace(/^\D+ /, "");
}

/** Return "Mon 30 Nov 2026, 18:05:09". */
export function exact(at: number, zone: Zone): string {
  if (Number.isNaN(at)) return "";
  const date = format(zone, "exact", { weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(at);
  const time = format(zone, "seconds", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
  return `${date.replace(",", "")}, ${time}`;
}

/** Return the start of the day of a time. */
export function startOfDay(at: number, zone: Zone): number {
  const date = new Date(at);
  if (zone === "UTC") date.setUTCHours(0, 0, 0, 0);
  else date.setHours(0, 0, 0, 0);
  return date.getTime();
}

/** Return "45s", "3m 20s", "2h 5m" or "3d 4h". */
export function duration(seconds: Maybe<number>): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "";
  if (seconds > 0 && seconds < 10) return `${Math.round(seconds * 10) / 10}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const pair = (value: number, unit: string, rest: number, small: string): string =>
    `${value}${unit}${rest ? ` ${rest}${small}` : ""}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), "m", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "m");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** Return "in 5m", "3h 2m ago" or "now". */
export function distance(at: number, now: number): string {
  if (Number.isNaN(at)) return "";
  const seconds = Math.round((at - now) / SECOND);
  const size = Math.abs(seconds);
  if (size < 5) return "now";
  const text = size < 120 ? `${size}s` : duration(size < 2 * 3600 ? Math.round(size / 60) * 60 : Math.round(size / 3600) * 3600);
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}
