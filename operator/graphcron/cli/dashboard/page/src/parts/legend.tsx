/** The legend: each outcome's colour and shape. */

import type { JSX } from "preact";
import { FORM_LABELS, FORMS } from "../model/outcomes.ts";
import { FormIcon } from "./icons.tsx";

export function Legend(): JSX.Element {
  return (
    <footer class="legend">
      <ul aria-label="Legend">
        {FORMS.filter((form) => form !== "unknown").map((form) => (
          <li key={form}>
            <FormIcon form={form} title="" />
            {FORM_LABELS[form]}
          </li>
        ))}
        <li>
          <svg class="form-due" width={14} height={14} viewBox="0 0 16 16" aria-hidden="true">
            <circle cx="8" cy="8" r="4" />
          </svg>
          Due
        </li>
        <li>
          <svg class="form-due" width={24} height={14} viewBox="0 0 26 16" aria-hidden="true">
            <rect x="1" y="2.5" width="24" height="11" rx="3" />
            <path d="m5 13.500 7-11m1 11 7-11" />
          </svg>
          Due often
        </li>
      </ul>
      <span class="legend-hint">
        <kbd>Ctrl</kbd> + wheel zooms · drag moves · <kbd>?</kbd> lists all keys
      </span>
    </footer>
  );
}
