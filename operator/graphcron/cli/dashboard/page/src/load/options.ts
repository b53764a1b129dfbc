/** ECharts options of the load. */

import type { Load, ServerLoad } from "../types.ts";
import { clock, MINUTE, ms, type Zone } from "../model/time.ts";
import type { Option } from "../parts/chart.tsx";
import type { Palette } from "../theme.ts";

/** Bars of five minutes would hide that all start in one: each minute has its own. */
export function startsOption(
  load: Load,
  servers: readonly { server: ServerLoad; color: number }[],
  palette: Palette,
  zone: Zone,
): Option {
  return {
    animation: false,
    grid: { left: 40, right: 12, top: 14, bottom: 24 },
    xAxis: minuteAxis(load, palette, zone, true),
    yAxis: valueAxis(palette),
    // A bar of two pixels has no room for a pattern: the lanes below show each server apart.
    series: servers.map(({ server, color }) => ({
      type: "bar" as const,
      name: server.label,
      stack: "starts",
      silent: true,
      // One path for each series instead of one element for each minute.
      large: true,
      largeThreshold: 1,
      barCategoryGap: "0%",
      barMinWidth: 2,
      itemStyle: { color: palette.series[color] ?? palette.quiet },
      data: server.starts.map((value, index) => [index, value]).filter(([, value]) => value),
    })),
  };
}

/** Expected runs at once of a server, with its limit and what is over it. */
export function runningOption(load: Load, server: ServerLoad, color: number, palette: Palette, zone: Zone): Option {
  const tint = palette.series[color] ?? palette.quiet;
  const most = Math.max(1, server.max ?? 0, ...server.running);
  const line = {
    type: "line" as const,
    silent: true,
    symbol: "none",
    step: "end" as const,
    sampling: "max" as const,
    data: server.running.map((value, index) => [index, Math.round(value * 100) / 100]),
    lineStyle: { color: tint, width: 1.25 },
    areaStyle: { color: tint, opacity: 0.22 },
    ...(server.max == null ? {} : { markLine: limitLine(server.max, palette) }),
  };
  const max = server.max ?? Infinity;
  const over = {
    type: "line" as const,
    silent: true,
    symbol: "none",
    step: "end" as const,
    data: server.running.map((value, index) => [index, value > max ? value : null]),
    lineStyle: { color: palette.danger, width: 1.75 },
    areaStyle: { color: palette.danger, opacity: 0.35, origin: server.max ?? 0 },
  };
  return {
    animation: false,
    grid: { left: 30, right: 50, top: 8, bottom: 20 },
    xAxis: minuteAxis(load, palette, zone, false),
    yAxis: { ...valueAxis(palette), max: Math.ceil(most * 1.08), splitNumber: 2 },
    series: Number.isFinite(max) && server.running.some((value) => value > max) ? [line, over] : [line],
  };
}

function limitLine(max: number, palette: Palette): Record<string, unknown> {
  return {
    silent: true,
    symbol: "none",
    data: [{ yAxis: max }],
    lineStyle: { color: palette.text, type: [5, 4], width: 1.25 },
    label: { position: "end", formatter: `max ${max}`, color: palette.text, fontSize: 10, fontFamily: palette.font, distance: 3 },
  };
}

function minuteAxis(load: Load, palette: Palette, zone: Zone, points: boolean): never {
  const start = ms(load.start);
  const first = new Date(start).getUTCMinutes();
  const toHour = (60 - first) % 60;
  const everyHours = points ? 2 : 6;
  const hourOf = (index: number): number => Math.round((start / MINUTE + index) / 60);
  const shift = zone === "UTC" ? 0 : Math.round(-new Date(start).getTimezoneOffset() / 60);
  const onTick = (index: number): boolean => (index - toHour) % 60 === 0 && (hourOf(index) + shift) % everyHours === 0;
  return {
    type: "category",
    data: Array.from({ length: load.minutes }, (_, index) => index),
    axisTick: { show: false },
    axisLine: { lineStyle: { color: palette.line } },
    splitLine: { show: points, interval: onTick, lineStyle: { color: palette.faint } },
    axisLabel: {
      interval: onTick,
      formatter: (index: string) => clock(start + Number(index) * MINUTE, zone),
      color: palette.quiet,
      fontFamily: palette.font,
      fontSize: 11,
    },
    ...(points ? { axisPointer: { show: true, snap: true, label: { show: false }, lineStyle: { color: palette.quiet, type: "solid" }, triggerTooltip: false } } : {}),
  } as never;
}

function valueAxis(palette: Palette): Record<string, unknown> {
  return {
    type: "value",
    minInterval: 1,
    splitNumber: 4,
    splitLine: { lineStyle: { color: palette.faint } },
    axisLabel: { color: palette.quiet, fontFamily: palette.font, fontSize: 11 },
  };
}
