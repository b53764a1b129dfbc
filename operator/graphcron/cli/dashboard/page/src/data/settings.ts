/** What the user has chosen in this browser. */

import { effect, signal } from "@preact/signals";
import type { Zone } from "../model/time.ts";

export type Theme = "auto" | "light" | "dark";

export const theme = signal<Theme>(stored("theme", ["auto", "light", "dark"]));
export const zone = signal<Zone>(stored("zone", ["local", "UTC"]));

const system = typeof matchMedia === "undefined" ? undefined : matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system?.matches ?? false);

/** Whether the page is dark now: charts take their colours from the style sheet when it changes. */
export const dark = signal(false);

/** Apply the choices and keep them. */
export function followSettings(): void {
  system?.addEventListener("change", (event) => (systemIsDark.value = event.matches));
  effect(() => {
    const isDark = theme.value === "auto" ? systemIsDark.value : theme.value === "dark";
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
    dark.value = isDark;
  });
  effect(() => store("theme", theme.value));
  effect(() => store("zone", zone.value));
}

function stored<T extends string>(name: string, values: readonly [T, ...T[]]): T {
  try {
    const found = localStorage.getItem(`graphcron.${name}`);
    return values.find((each) => each === found) ?? values[0];
  } catch {
    return values[0]; // A page opened from a disk may have no storage.
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(`graphcron.${name}`, value);
  } catch {
    // The choice holds until the page is closed.
  }
}
