/** The table: what `kubectl graphcron list` prints, sortable. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { zone } from "../data/settings.ts";
import { now, shown } from "../data/store.ts";
import { open, place } from "../data/route.ts";
import type { GraphCron } from "../types.ts";
import { COLUMNS, costOf, sorted, stateOf, tokensOf, type ColumnId, type Sorting } from "../model/columns.ts";
import { money, short } from "../model/numbers.ts";
import { formOf, healthOf, lastRun } from "../model/outcomes.ts";
import { day, distance, duration, moment, ms, type Zone } from "../model/time.ts";
import { FormStrip, HealthDot, Icon } from "../parts/icons.tsx";
import { NothingFound } from "../parts/empty.tsx";
import { FilterBox } from "../parts/tools.tsx";

const HEIGHT = 34;
const OVERSCAN = 8;

const sorting = signal<Sorting>({ column: "state", descending: false });

function sortBy(column: ColumnId): void {
  const before = sorting.peek();
  sorting.value = { column, descending: before.column === column && !before.descending };
}

export function TableView(): JSX.Element {
  const crons = shown.value;
  return (
    <section class="view" aria-label="Table">
      <div class="tools">
        <FilterBox />
        <div class="tools-space" />
        <span class="tools-range">
          {crons.length} {crons.length === 1 ? "GraphCron" : "GraphCrons"}
        </span>
      </div>
      {crons.length ? <Body crons={crons} /> : <NothingFound />}
    </section>
  );
}

function Body({ crons }: { crons: readonly GraphCron[] }): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ first: 0, last: 50 });
  const [current, setCurrent] = useState(0);
  const all = useMemo(() => sorted(crons, sorting.value), [crons, sorting.value]);
  const follow = (): void => {
    const at = scroller.current;
    if (!at) return;
    const first = Math.floor(at.scrollTop / HEIGHT);
    const last = Math.ceil((at.scrollTop + at.clientHeight) / HEIGHT);
    setRange((before) => (first >= before.first && last <= before.last ? before : { first: Math.max(0, first - OVERSCAN), last: last + OVERSCAN }));
  };
  useLayoutEffect(follow, [all]);
  const first = Math.min(range.first, all.length - 1);
  const last = Math.min(range.last, all.length - 1);
  const at = now.value;
  const minute = Math.floor(at / 10_000) * 10_000;

  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 340) / HEIGHT) - 2);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -all.length, End: all.length };
    const step = steps[event.key];
    if (step === undefined || !scroller.current || !(event.target as HTMLElement).dataset["index"]) return;
    event.preventDefault();
    const index = Math.min(all.length - 1, Math.max(0, current + step));
    setCurrent(index);
    const box = scroller.current;
    const head = 32;
    if (index * HEIGHT < box.scrollTop) box.scrollTop = index * HEIGHT;
    if ((index + 1) * HEIGHT + head > box.scrollTop + box.clientHeight) box.scrollTop = (index + 1) * HEIGHT + head - box.clientHeight;
    requestAnimationFrame(() => requestAnimationFrame(() => box.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true })));
  };

  return (
    <div ref={scroller} class="table-scroll" onScroll={follow} onKeyDown={onKeyDown}>
      <table class="table" aria-label="GraphCrons" aria-rowcount={all.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map((column) => {
              const by = sorting.value.column === column.id;
              return (
                <th
                  key={column.id}
                  scope="col"
                  class={`col-${column.id} ${"number" in column ? "number" : ""}`}
                  aria-sort={by ? (sorting.value.descending ? "descending" : "ascending") : "none"}
                >
                  <button type="button" onClick={() => sortBy(column.id)}>
                    {column.label}
                    <span class={`arrow ${by ? "arrow-on" : ""} ${sorting.value.descending ? "" : "arrow-up"}`}>
                      <Icon name="down" size={12} />
                    </span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr class="spacer" style={{ height: `${first * HEIGHT}px` }} aria-hidden="true" />}
          {all.slice(first, last + 1).map((cron, index) => (
            <Line
              key={cron.uid}
              cron={cron}
              index={first + index}
              at={minute}
              zone={zone.value}
              chosen={place.value.name === cron.name && place.value.namespace === cron.namespace}
              tabbable={first + index === Math.min(current, all.length - 1)}
              onFocus={setCurrent}
            />
          ))}
          {last < all.length - 1 && <tr class="spacer" style={{ height: `${(all.length - 1 - last) * HEIGHT}px` }} aria-hidden="true" />}
        </tbody>
      </table>
    </div>
  );
}

interface LineProps {
  cron: GraphCron;
  index: number;
  at: number;
  zone: Zone;
  chosen: boolean;
  tabbable: boolean;
  onFocus: (index: number) => void;
}

const Line = memo(function Line({ cron, index, at, zone: shownZone, chosen, tabbable, onFocus }: LineProps): JSX.Element {
  const show = (): void => open(cron.namespace, cron.name);
  const runs = cron.runs.slice(0, 10).toReversed();
  const last = lastRun(cron);
  const when = ms(last?.scheduledTime ?? last?.startTime);
  const next = ms(cron.next[0]);
  const tokens = tokensOf(cron);
  const cost = costOf(cron);
  return (
    <tr
      aria-rowindex={index + 2}
      data-index={index}
      tabIndex={tabbable ? 0 : -1}
      class={chosen ? "row-chosen" : undefined}
      onClick={show}
      onFocus={() => onFocus(index)}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          show();
        }
      }}
    >
      <td class="strong" title={cron.name}>{cron.name}</td>
      <td>{cron.namespace}</td>
      <td title={cron.summary || undefined}>
        <span class="with-icon">
          <HealthDot health={healthOf(cron)} />
          {cron.active.length ? `Running${cron.active.length > 1 ? ` ×${cron.active.length}` : ""}` : stateOf(cron)}
        </span>
      </td>
      <td title={`${cron.schedules.join(", ")} ${cron.zone ?? ""}`}>{cron.scheduleText}</td>
      <td title={cron.server}>{cron.server}</td>
      <td>
        {runs.length > 0 && <FormStrip forms={runs.map((run) => formOf(run.outcome))} label={`oldest first: ${runs.map((run) => run.outcome).join(", ")}`} />}
      </td>
      <td title={last ? `${last.outcome}, ${moment(when, at, shownZone)}` : undefined}>
        {last ? (
          <span class="with-icon">
            {last.outcome} <span class="quiet">{distance(when, at)}</span>
          </span>
        ) : (
          <span class="quiet">no run yet</span>
        )}
      </td>
      <td title={cron.stopped ?? undefined}>
        {Number.isNaN(next) ? <span class="quiet">{cron.stopped ?? "–"}</span> : (
          <>
            {moment(next, at, shownZone)} {day(next, shownZone) === day(at, shownZone) && <span class="quiet">{distance(next, at)}</span>}
          </>
        )}
      </td>
      <td class="number">{duration(cron.medianSeconds) || "–"}</td>
      <td class="number">{tokens ? short(tokens) : "–"}</td>
      <td class="number">{cost ? money(cost) : "–"}</td>
    </tr>
  );
});
