/** Colours and patterns of what is drawn on a canvas; the style sheet declares the colours. */

import { computed } from "@preact/signals";
import { dark } from "./data/settings.ts";
import { FORMS, type Form } from "./model/outcomes.ts";

export interface Palette {
  text: string;
  quiet: string;
  line: string;
  faint: string;
  panel: string;
  accent: string;
  danger: string;
  font: string;
  forms: Record<Form, string>;
  series: string[];
}

/** The colours of the current theme. */
export const palette = computed((): Palette => {
  void dark.value;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: color("text"),
    quiet: color("text-3"),
    line: color("line"),
    faint: color("line-faint"),
    panel: color("panel"),
    accent: color("accent"),
    danger: color("failed"),
    font: color("font"),
    forms: Object.fromEntries(FORMS.map((form) => [form, color(kebab(form))])) as Record<Form, string>,
    series: Array.from({ length: 11 }, (_, index) => color(`series-${index}`)),
  };
});

/** Return a name as the style sheet writes it. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export interface Decal {
  symbol: string;
  symbolSize?: number;
  dashArrayX: number | number[] | number[][];
  dashArrayY: number | number[];
  rotation?: number;
  color: string;
}

const PATTERNS: Omit<Decal, "color">[] = [
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4 },
  { symbol: "circle", symbolSize: 0.7, dashArrayX: [[4, 4], [0, 4, 4, 0]], dashArrayY: [4, 0] },
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 4] },
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: Math.PI / 4 },
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 4], rotation: Math.PI / 2 },
];

/** Return the pattern of a series, or none for every sixth one. */
export function patternOf(index: number, color: string): Decal | undefined {
  const pattern = PATTERNS[(index % 6) - 1];
  return pattern && { ...pattern, color };
}
