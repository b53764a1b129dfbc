/** Numbers as text. */

import type { Maybe, Money } from "../types.ts";

/** Return a decimal as a number, or 0. */
export function amount(value: Maybe<Money>): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
}

/** Return "1,234". */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Return "980", "12.3k" or "4.56M". */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)}G`;
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  return size > 0 && size < 10 ? String(Math.round(value * 10) / 10) : whole(value);
}

/** Return an amount of money with as many decimals as its size needs. */
export function money(value: number): string {
  const digits = value === 0 || Math.abs(value) >= 0.995 ? 2 : Math.abs(value) >= 0.01 ? 3 : 5;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Return "12 runs" or "1 run". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${whole(value)} ${value === 1 ? one : many}`;
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}
