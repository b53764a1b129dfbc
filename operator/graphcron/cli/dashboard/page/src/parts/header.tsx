/** The head of the page: where it looks, the views, and whether it is up to date. */

import type { JSX } from "preact";
import { goTo, place, VIEWS, type ViewName } from "../data/route.ts";
import { theme, zone, type Theme } from "../data/settings.ts";
import { about, connection, now } from "../data/store.ts";
import { exact } from "../model/time.ts";
import { Icon, type IconName } from "./icons.tsx";
import { keysShown } from "./keys.tsx";
import { Tabs } from "./tabs.tsx";

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
      <Tabs className="tabs" label="Views" prefix="tab" panel="view" tabs={VIEWS} shown={place.value.view} title={(each) => NAMES[each]} onChoose={goTo} />
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
