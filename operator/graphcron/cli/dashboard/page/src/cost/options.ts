/** ECharts options of the cost. */

import { money, short } from "../model/numbers.ts";
import type { Days, Unit } from "../model/cost.ts";
import { day, type Zone } from "../model/time.ts";
import type { Option } from "../parts/chart.tsx";
import { patternOf, type Palette } from "../theme.ts";

export function daysOption(days: Days, unit: Unit, palette: Palette, zone: Zone): Option {
  const label = { color: palette.quiet, fontFamily: palette.font, fontSize: 11 };
  return {
    animation: false,
    grid: { left: 52, right: 8, top: 14, bottom: 24 },
    xAxis: {
      type: "category",
      data: days.days.map((at) => day(at, zone).replace(/^\S+ /, "")),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: palette.line } },
      axisLabel: { ...label, hideOverlap: true },
      axisPointer: { show: true, type: "shadow", label: { show: false }, shadowStyle: { color: palette.faint, opacity: 0.6 }, triggerTooltip: false },
    } as never,
    yAxis: {
      type: "value",
      splitNumber: 4,
      splitLine: { lineStyle: { color: palette.faint } },
      axisLabel: { ...label, formatter: (value: number) => (unit === "tokens" ? short(value) : money(value)) },
    },
    series: days.series.map((series, index) => {
      const decal = patternOf(index, "rgba(255, 255, 255, 0.4)");
      return {
        type: "bar" as const,
        name: series.label,
        stack: "used",
        silent: true,
        barMaxWidth: 36,
        barCategoryGap: "30%",
        itemStyle: {
          color: palette.series[index] ?? palette.quiet,
          borderColor: palette.panel,
          borderWidth: 0.5,
          ...(decal ? { decal: decal as never } : {}),
        },
        data: series.values,
      };
    }),
  };
}
