/** The filter and the grouping, which hold for all views. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { crons, filter, grouping } from "../data/store.ts";
import { labelKeys, type Grouping } from "../model/rows.ts";
import { Icon } from "./icons.tsx";

/** Counts requests to focus the filter. */
export const filterWanted = signal(0);

export function FilterBox(): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const wanted = filterWanted.value;
  useEffect(() => {
    if (wanted) input.current?.select();
    if (wanted) input.current?.focus();
  }, [wanted]);
  return (
    <div class="filter" role="search">
      <Icon name="search" size={14} />
      <input
        ref={input}
        type="search"
        aria-label="Filter by name, namespace, label, server or outcome"
        placeholder="Filter by name, label=value, outcome…"
        autocomplete="off"
        spellcheck={false}
        value={filter.value}
        onInput={(event) => (filter.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          if (filter.peek()) filter.value = "";
          else event.currentTarget.blur();
        }}
      />
      {!filter.value && <kbd aria-hidden="true">/</kbd>}
    </div>
  );
}

export function GroupChoice(): JSX.Element {
  return (
    <label class="choice">
      <span>Group by</span>
      <select value={grouping.value} onChange={(event) => (grouping.value = event.currentTarget.value as Grouping)}>
        <option value="">nothing</option>
        <option value="namespace">namespace</option>
        <option value="server">server</option>
        {labelKeys(crons.value.values()).map((key) => (
          <option key={key} value={`label:${key}`}>
            {key}
          </option>
        ))}
      </select>
    </label>
  );
}
