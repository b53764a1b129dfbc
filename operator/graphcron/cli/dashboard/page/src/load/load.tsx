/** The load: how many runs start in each minute of the next day, and how many each server has at once. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import * as api from "../data/api.ts";
import { zone } from "../data/settings.ts";
import { crons, load, now } from "../data/store.ts";
import { open } from "../data/route.ts";
import type { Due, GraphCron, Load } from "../types.ts";
import { busiest, fullHourOf, peakOf, summariesOf, sumOf, windowOf, type ServerSummary } from "../model/load.ts";
import { counted, short, whole } from "../model/numbers.ts";
import { MINUTE, moment, ms } from "../model/time.ts";
import { Chart, type Pointer } from "../parts/chart.tsx";
import { Empty } from "../parts/empty.tsx";
import { Floating } from "../parts/floating.tsx";
import { Icon } from "../parts/icons.tsx";
import { palette } from "../theme.ts";
import { runningOption, startsOption } from "./options.ts";

/** The server that is shown alone, or "". */
const only = signal("");
const tip = signal<Pointer | undefined>(undefined);
/** The minute whose GraphCrons are shown, as a time: the load begins at another minute each time. */
const picked = signal<number | undefined>(undefined);

export function LoadView(): JSX.Element {
  const all = load.value;
  if (!all) return <Empty title="Computing the load of the next 24 hours…" />;
  const summaries = summariesOf(all);
  if (!summaries.some((summary) => summary.starts)) {
    return (
      <Empty title="No run is due in the next 24 hours">
        <p>The load appears as soon as a GraphCron that is not suspended has a schedule in this time.</p>
      </Empty>
    );
  }
  const chosen = summaries.find((each) => each.key === only.value);
  return (
    <section class="view view-scroll" aria-label="Load">
      <div class="page">
        <Advice load={all} />
        <Starts load={all} summaries={chosen ? [chosen] : summaries} all={summaries} />
        <div class="columns">
          <Servers load={all} summaries={summaries} />
          <Busiest load={all} chosen={chosen} />
        </div>
      </div>
    </section>
  );
}

function Advice({ load: all }: { load: Load }): JSX.Element | null {
  const full = fullHourOf(all);
  if (!full) return null;
  return (
    <div class="note note-warn" role="note">
      <Icon name="warn" />
      <div>
        <strong>Up to {counted(full.peak, "run")} start in the same minute, on the full hour.</strong>{" "}
        That is {short(full.times)} times as many as in the other minutes. Write <code>H</code> for the minute, such as{" "}
        <code>H * * * *</code>, and the runs are spread: each GraphCron has a fixed minute that depends on its name.
      </div>
    </div>
  );
}

/** Colours by server, in the order of all servers. */
function colorOf(all: readonly ServerSummary[], key: string): number {
  return Math.min(10, all.findIndex((each) => each.key === key));
}

function Starts({ load: all, summaries, all: every }: { load: Load; summaries: readonly ServerSummary[]; all: readonly ServerSummary[] }): JSX.Element {
  const colors = palette.value;
  const at = zone.value;
  const option = useMemo(
    () => startsOption(all, summaries.map((each) => ({ server: each.server, color: colorOf(every, each.key) })), colors, at),
    [all, only.value, colors, at],
  );
  const total = sumOf(summaries.map((each) => each.server.starts), all.minutes);
  const peak = peakOf(total);
  const pointer = tip.value;
  return (
    <div class="card">
      <header class="card-head">
        <h2>Starts per minute</h2>
        <span class="card-sub">
          next 24 hours · {counted(total.reduce((a, b) => a + b, 0), "run")} · peak {peak.value} at {moment(minuteTime(all, peak.minute), now.value, at)}
        </span>
        <ul class="keys" aria-label="Servers">
          {every.map((each) => (
            <li key={each.key}>
              <button
                type="button"
                aria-pressed={only.value === each.key}
                title={only.value === each.key ? "Show all servers" : "Show this server alone"}
                onClick={() => (only.value = only.value === each.key ? "" : each.key)}
              >
                <i class={`swatch swatch-${colorOf(every, each.key)}`} />
                {each.name}
              </button>
            </li>
          ))}
        </ul>
      </header>
      <Chart
        class="chart-tall"
        option={option}
        label={`Starts per minute: at most ${peak.value}, at ${moment(minuteTime(all, peak.minute), now.value, at)}. The table of the busiest minutes has the numbers.`}
        onPoint={(point) => (tip.value = point)}
        onPick={(index) => (picked.value = minuteTime(all, index))}
      />
      {pointer && (
        <Floating x={pointer.clientX} y={pointer.clientY}>
          <div class="tip-title">{moment(minuteTime(all, pointer.index), now.value, at)}</div>
          <table class="tip-table">
            <thead>
              <tr>
                <th>Server</th>
                <th>starts</th>
                <th>running</th>
                <th>max</th>
              </tr>
            </thead>
            <tbody>
              {summaries.map(({ server, key, name }) => (
                <tr key={key}>
                  <td>
                    <i class={`swatch swatch-${colorOf(every, key)}`} />
                    {name}
                  </td>
                  <td>{server.starts[pointer.index] ?? 0}</td>
                  <td>{round(server.running[pointer.index] ?? 0)}</td>
                  <td>{server.max ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Floating>
      )}
    </div>
  );
}

function Servers({ load: all, summaries }: { load: Load; summaries: readonly ServerSummary[] }): JSX.Element {
  return (
    <div class="card">
      <header class="card-head">
        <h2>Runs at once, by server</h2>
        <span class="card-sub">expected from the median durations, against maxConcurrentRuns</span>
      </header>
      <div class="servers">
        {summaries.map((summary) => (
          <ServerLane key={summary.key} load={all} summary={summary} color={colorOf(summaries, summary.key)} />
        ))}
      </div>
    </div>
  );
}

function ServerLane({ load: all, summary, color }: { load: Load; summary: ServerSummary; color: number }): JSX.Element {
  const { server, name, peakRunning, minutesOver } = summary;
  const colors = palette.value;
  const at = zone.value;
  const option = useMemo(() => runningOption(all, server, color, colors, at), [all, server, color, colors, at]);
  const peak = `${round(peakRunning.value)} at ${moment(minuteTime(all, peakRunning.minute), now.value, at)}`;
  return (
    <div class={`server ${minutesOver ? "server-over" : ""}`}>
      <div class="server-text">
        <div class="server-name" title={name}>
          <i class={`swatch swatch-${color}`} />
          {name}
        </div>
        <div class="server-sub">peak {peak}</div>
        <div class={minutesOver ? "server-state over" : "server-state"}>
          {server.max == null ? "no limit is set" : minutesOver ? `${whole(minutesOver)} min over its limit of ${server.max}` : `limit ${server.max}`}
        </div>
      </div>
      <Chart
        class="chart-lane"
        option={option}
        label={`${name}: expected runs at once, peak ${peak}, ${server.max == null ? "no limit" : `limit ${server.max}`}`}
      />
    </div>
  );
}

function Busiest({ load: all, chosen }: { load: Load; chosen: ServerSummary | undefined }): JSX.Element {
  const series = (chosen ? [chosen.server] : all.servers).map((server) => server.starts);
  const total = sumOf(series, all.minutes);
  const minutes = busiest(total, 10);
  const chosenMinute = picked.value === undefined ? undefined : Math.round((picked.value - ms(all.start)) / MINUTE);
  const chosenStarts = chosenMinute === undefined ? undefined : total[chosenMinute];
  const isListed = minutes.some((each) => each.minute === chosenMinute);
  const list = chosenMinute === undefined || chosenStarts === undefined || isListed ? minutes : [{ minute: chosenMinute, value: chosenStarts }, ...minutes];
  const most = Math.max(1, ...list.map((each) => each.value));
  return (
    <div class="card">
      <header class="card-head">
        <h2>Busiest minutes</h2>
        <span class="card-sub">choose one to see its GraphCrons</span>
      </header>
      {!list.length && <p class="quiet pad">No two runs start in the same minute.</p>}
      <ul class="minutes">
        {list.map((each) => {
          const expanded = chosenMinute === each.minute;
          return (
            <li key={each.minute}>
              <button type="button" aria-expanded={expanded} onClick={() => (picked.value = expanded ? undefined : minuteTime(all, each.minute))}>
                <span class="minutes-time">{moment(minuteTime(all, each.minute), now.value, zone.value)}</span>
                <span class="meter">
                  <i style={{ width: `${(each.value / most) * 100}%` }} />
                </span>
                <span class="minutes-count">{counted(each.value, "start")}</span>
              </button>
              {expanded && <Starters at={minuteTime(all, each.minute)} chosen={chosen} />}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Starters({ at, chosen }: { at: number; chosen: ServerSummary | undefined }): JSX.Element {
  const [found, setFound] = useState<Due | undefined>(undefined);
  useEffect(() => {
    let wanted = true;
    api.due(windowOf(at)).then(
      (due) => wanted && setFound(due),
      () => wanted && setFound({ limit: 0, crons: {} }),
    );
    return () => (wanted = false);
  }, [at]);
  if (!found) return <p class="quiet pad">Looking them up…</p>;
  const from = at / 1000;
  const starts = (cron: GraphCron): boolean => Boolean(found.crons[cron.uid]?.times.some((time) => time >= from && time < from + 60));
  const list = [...crons.value.values()].filter((cron) => starts(cron) && (!chosen || (cron.server === chosen.server.label && cron.namespace === (chosen.server.namespace ?? cron.namespace))));
  if (!list.length) return <p class="quiet pad">No GraphCron is due in this minute any more.</p>;
  return (
    <ul class="starters">
      {list.slice(0, 50).map((cron) => (
        <li key={cron.uid}>
          <button type="button" class="link" onClick={() => open(cron.namespace, cron.name)}>
            {cron.name}
          </button>
          <span class="quiet">{cron.namespace}</span>
          <code>{cron.schedules.join(", ")}</code>
        </li>
      ))}
      {list.length > 50 && <li class="quiet">and {list.length - 50} others</li>}
    </ul>
  );
}

function minuteTime(all: Load, index: number): number {
  return ms(all.start) + index * MINUTE;
}

function round(value: number): string {
  return value >= 10 ? whole(value) : String(Math.round(value * 10) / 10);
}
