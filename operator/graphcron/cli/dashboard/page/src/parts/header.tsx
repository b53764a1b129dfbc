/** The head of the page: where it looks, the views, and whether it is up to date. */

import type { JSX } from "preact";
import { goTo, place, VIEWS, type ViewName } from "../data/route.ts";
import { theme, zone, type Theme } from "../data/settings.ts";
import { about, connection, now } from "../data/store.ts";
import { exact } from "../model/time.ts";
import { Icon, type IconName } from "./icons.tsx";
import { keysShown } from "./keys.tsx";

const NAMES: Record<ViewName, string> = { timeline: "Timeline", load: "Load", cost: "Cost", table: "Table" };
const THEMES: Record<Theme, { icon: IconName; next: Theme; label: string }> = {
  auto: { icon: "auto", next: "light", label: "Theme: as the system" },
  light: { icon: "sun", next: "dark", label: "Theme: light" },
  dark: { icon: "moon", next: "auto", label: "Theme: dark" },
};

export function Header(): JSX.Element {
  const shownTheme = THEMES[theme.value];
  const known = about.value;
  return (
    <header class="header">
      <div class="brand">
        <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true" class="logo">
          <circle cx="10" cy="10" r="8" />
          <path d="M10 5v5l3.500 2" />
          <circle cx="16.500" cy="4" r="2.500" class="logo-dot" />
        </svg>
        <h1>GraphCron</h1>
        {known && (
          <span class="where" title={`Cluster ${known.cluster}`}>
            <span class="ellipsis">{known.cluster}</span>
            <span class="where-slash">/</span>
            <span class="ellipsis">{known.namespace ?? "all namespaces"}</span>
          </span>
        )}
      </div>
      <div class="tabs" role="tablist" aria-label="Views">
        {VIEWS.map((view) => (
          <button
            type="button"
            role="tab"
            key={view}
            id={`tab-${view}`}
            aria-selected={place.value.view === view}
            aria-controls="view"
            tabIndex={place.value.view === view ? 0 : -1}
            onClick={() => goTo(view)}
            onKeyDown={onTabKey}
          >
            {NAMES[view]}
          </button>
        ))}
      </div>
      <div class="header-end">
        <Live />
        <div class="buttons" role="group" aria-label="Time zone">
          <button type="button" aria-pressed={zone.value === "local"} title={Intl.DateTimeFormat().resolvedOptions().timeZone} onClick={() => (zone.value = "local")}>
            Local
          </button>
          <button type="button" aria-pressed={zone.value === "UTC"} onClick={() => (zone.value = "UTC")}>
            UTC
          </button>
        </div>
        <button type="button" class="icon-button" aria-label={shownTheme.label} title={shownTheme.label} onClick={() => (theme.value = shownTheme.next)}>
          <Icon name={shownTheme.icon} />
        </button>
        <button type="button" class="icon-button" aria-label="Keys" title="Keys (?)" onClick={() => (keysShown.value = true)}>
          <Icon name="keys" />
        </button>
      </div>
    </header>
  );
}

function onTabKey(event: KeyboardEvent): void {
  const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, Home: -VIEWS.length, End: VIEWS.length };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const index = VIEWS.indexOf(place.peek().view) + step;
  const view = Math.abs(step) > 1 ? VIEWS.at(step > 0 ? -1 : 0) : VIEWS[(index + VIEWS.length) % VIEWS.length];
  if (!view) return;
  goTo(view);
  document.getElementById(`tab-${view}`)?.focus();
}

function Live(): JSX.Element {
  if (about.value?.readOnly) {
    return <span class="live live-still">Export of {exact(now.value, zone.value)}</span>;
  }
  const { connected, text } = connection.value;
  return (
    <span class={`live ${connected ? "" : "live-lost"}`} title={text ?? undefined}>
      <i />
      {connected ? "Live" : "Disconnected"}
    </span>
  );
}
