/** Small pictures, drawn in the colour of the text unless they show an outcome. */

import type { JSX } from "preact";
import { FORM_LABELS, HEALTH_LABELS, type Form, type Health } from "../model/outcomes.ts";
import { kebab } from "../theme.ts";

const PATHS = {
  left: "M10 3.5 5.5 8l4.5 4.5",
  right: "M6 3.5 10.5 8 6 12.5",
  close: "m4 4 8 8m0-8-8 8",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Zm3.3-1.2 3.2 3.2",
  play: "M5 3.2v9.6L12.5 8 5 3.2Z",
  pause: "M5.5 3.5v9m5-9v9",
  rewind: "M8.5 3.5 4 8l4.5 4.5m4-9L8 8l4.5 4.5",
  stop: "M4.5 4.5h7v7h-7z",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.3m0 10.4v1.3M1.5 8h1.3m10.4 0h1.3M3.4 3.4l.9.9m7.4 7.4.9.9m0-9.2-.9.9m-7.4 7.4-.9.9",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z",
  auto: "M8 13.5a5.5 5.5 0 1 0 0-11v11Zm0 0a5.5 5.5 0 0 1 0-11",
  link: "M6.5 3.5h-3v9h9v-3m-4-6h4v4m0-4-6 6",
  copy: "M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z",
  warn: "M8 2.5 14 13H2L8 2.5Zm0 4v3m0 1.7v.1",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-6.5v3.2M8 5.2v.1",
  down: "m4 6 4 4 4-4",
  log: "M3 4h10M3 8h10M3 12h6",
  keys: "M2.5 4.5h11v7h-11zM5 7h.1M8 7h.1M11 7h.1M5.5 9.5h5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The shapes of the timeline, small. */
const FORM_PATHS: Record<Form, string> = {
  succeeded: "M5 3h6v10H5z",
  failed: "M5 .5h6v9.500H5zM5 11.500h6V15.500H5z",
  running: "M2 4.5h12v7H2z",
  waiting: "M2 8l3.5-4.5h5L14 8l-3.5 4.5h-5z",
  overBudget: "M3 13V8h6V2h4v11z",
  cancelled: "M4.75 3.75h6.5v8.5h-6.5z",
  skipped: "M7 3h2v10H7z",
  unknown: "M5 3h6v10H5z",
};

/** The picture of an outcome; it needs no text where the outcome stands beside it. */
export function FormIcon({ form, title = FORM_LABELS[form] }: { form: Form; title?: string }): JSX.Element {
  const named = title ? { role: "img" as const, "aria-label": title } : { "aria-hidden": true as const };
  return (
    <svg class={`form form-${kebab(form)}`} width={14} height={14} viewBox="0 0 16 16" {...named}>
      <path d={FORM_PATHS[form]} />
      {form === "running" && <path class="form-hatch" d="M4 11.5l4-7M8 11.5l4-7" />}
    </svg>
  );
}

/** Outcomes side by side, oldest first, as one picture: a table has thousands of them. */
export function FormStrip({ forms, label }: { forms: readonly Form[]; label: string }): JSX.Element {
  return (
    <svg class="strip" width={forms.length * 11} height={14} viewBox={`0 0 ${forms.length * 12.6} 16`} role="img" aria-label={label}>
      {forms.map((form, index) => (
        <path key={index} class={`form-${kebab(form)}`} d={FORM_PATHS[form]} transform={`translate(${index * 12.6 - 1.7} 0)`} />
      ))}
    </svg>
  );
}

const HEALTH_PATHS: Record<Health, string> = {
  ok: "M8 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z",
  failing: "m4.2 4.2 7.6 7.6m0-7.6-7.6 7.6",
  attention: "M8 3 13.5 12.5h-11z",
  off: "M5.5 4.5v7m5-7v7",
};

export function HealthDot({ health }: { health: Health }): JSX.Element {
  return (
    <svg class={`health health-${health}`} width={14} height={14} viewBox="0 0 16 16" role="img" aria-label={HEALTH_LABELS[health]}>
      <path d={HEALTH_PATHS[health]} />
    </svg>
  );
}
