/** The time axis: the labels above the rows, and the lines behind them. */

import { DAY, type Zone } from "../model/time.ts";
import type { Window } from "../model/window.ts";
import type { Option } from "../parts/chart.tsx";
import type { Palette } from "../theme.ts";

/** Days stand out only among hours. */
const MANY_DAYS = 3 * DAY;

const LABELS = {
  year: "{day|{ee} {d} {MMM} {yyyy}}",
  month: "{day|{ee} {d} {MMM}}",
  day: "{day|{ee} {d} {MMM}}",
  hour: "{HH}:{mm}",
  minute: "{HH}:{mm}",
  second: "{HH}:{mm}",
  millisecond: "",
  none: "",
};

/** Return the option of the labels above the rows. */
export function headOption(view: Window, width: number, zone: Zone, palette: Palette): Option {
  return {
    animation: false,
    useUTC: zone === "UTC",
    grid: { left: 0, right: 0, top: 0, bottom: 0 },
    yAxis: { type: "value", show: false },
    xAxis: {
      ...timeAxis(view, width),
      position: "bottom",
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        inside: true,
        margin: 11,
        hideOverlap: true,
        color: palette.quiet,
        fontFamily: palette.font,
        fontSize: 11,
        formatter: view.to - view.from > MANY_DAYS ? { ...LABELS, day: "{ee} {d} {MMM}" } : LABELS,
        rich: { day: { color: palette.text, fontWeight: 600, fontFamily: palette.font, fontSize: 11 } },
      },
    },
    series: [],
  };
}

/** Return the option of the lines behind the rows, without the rows. */
export function bodyOption(view: Window, width: number, zone: Zone, palette: Palette): Record<string, unknown> {
  return {
    animation: false,
    useUTC: zone === "UTC",
    grid: { left: 0, right: 0, top: 0, bottom: 0 },
    yAxis: { type: "value", show: false, min: 0, max: 1 },
    xAxis: {
      ...timeAxis(view, width),
      axisTick: { show: false },
      axisLabel: { show: false },
      splitLine: { show: true, lineStyle: { color: palette.faint, width: 1 } },
    },
  };
}

function timeAxis(view: Window, width: number): Record<string, unknown> {
  const splitNumber = Math.max(2, Math.round(width / 110));
  return { type: "time", min: view.from, max: view.to, splitNumber, axisLine: { show: false } };
}
