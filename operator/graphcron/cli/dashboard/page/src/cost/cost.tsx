/** The cost: tokens and money by day, budgets, and the forecast of the month. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { zone } from "../data/settings.ts";
import { now, shown, shownRuns } from "../data/store.ts";
import type { GraphCron, GraphRun } from "../types.ts";
import { daysOf, forecastOf, type Days, type Unit } from "../model/cost.ts";
import { counted, money, short, whole } from "../model/numbers.ts";
import { day } from "../model/time.ts";
import { Chart, type Pointer } from "../parts/chart.tsx";
import { Empty, NothingFound } from "../parts/empty.tsx";
import { Floating } from "../parts/floating.tsx";
import { FilterBox } from "../parts/tools.tsx";
import { palette } from "../theme.ts";
import { Budgets, NameLink, said } from "./budgets.tsx";
import { daysOption } from "./options.ts";

const unit = signal<Unit>("tokens");
const length = signal(14);
const tip = signal<Pointer | undefined>(undefined);

const UNITS: [Unit, string][] = [["tokens", "Tokens"], ["cost", "Money"]];
const ROWS = 10;

function percent(share: number): string {
  return share < 0.005 ? "<1%" : `${whole(share * 100)}%`;
}

export function CostView(): JSX.Element {
  const crons = shown.value;
  const runs = shownRuns.value;
  return (
    <section class="view view-scroll" aria-label="Cost">
      <div class="tools">
        <FilterBox />
        <div class="tools-space" />
        <div class="buttons" role="group" aria-label="Days">
          {[7, 14, 30].map((days) => (
            <button type="button" key={days} aria-pressed={length.value === days} onClick={() => (length.value = days)}>
              {days} days
            </button>
          ))}
        </div>
        <div class="buttons" role="group" aria-label="Unit">
          {UNITS.map(([each, label]) => (
            <button type="button" key={each} aria-pressed={unit.value === each} onClick={() => (unit.value = each)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      {crons.length || runs.length ? (
        <div class="page">
          <UsedByDay crons={crons} runs={runs} />
          <div class="columns">
            <Forecast crons={crons} />
            <Budgets crons={crons} />
          </div>
        </div>
      ) : (
        <NothingFound />
      )}
    </section>
  );
}

function UsedByDay({ crons, runs }: { crons: readonly GraphCron[]; runs: readonly GraphRun[] }): JSX.Element {
  const colors = palette.value;
  const at = zone.value;
  const today = day(now.value, at);
  const days = useMemo(() => daysOf(crons, runs, unit.value, now.peek(), at, length.value), [crons, runs, unit.value, at, length.value, today]);
  const option = useMemo(() => daysOption(days, unit.value, colors, at), [days, colors, at]);
  const pointer = tip.value;
  return (
    <div class="card">
      <header class="card-head">
        <h2>{unit.value === "tokens" ? "Tokens by day" : "Money by day"}</h2>
        <span class="card-sub">
          {days.atLeast ? "at least " : ""}
          {said(days.total, unit.value)} in {length.value} days, of the runs that the objects still list
        </span>
      </header>
      {days.total ? (
        <div class="cost-chart">
          <Chart
            class="chart-tall"
            option={option}
            label={`${unit.value === "tokens" ? "Tokens" : "Money"} by day: ${said(days.total, unit.value)} in ${length.value} days. The list beside it has each GraphCron's total.`}
            onPoint={(point) => (tip.value = point)}
          />
          <Shares days={days} />
        </div>
      ) : (
        <Empty title={unit.value === "tokens" ? "No tokens are recorded" : "No costs are recorded"}>
          <p>
            The runner counts the tokens that models report, exactly if the GraphCron has a <code>budget</code>. Costs need <code>prices</code> in the values of the operator's chart.
          </p>
        </Empty>
      )}
      {pointer && days.total > 0 && <DayTip days={days} pointer={pointer} />}
    </div>
  );
}

function Shares({ days }: { days: Days }): JSX.Element {
  return (
    <table class="shares" aria-label="Use by GraphCron">
      <tbody>
        {days.series.map((series, index) => (
          <tr key={series.label + index}>
            <td>
              <i class={`swatch swatch-${index}`} />
            </td>
            <td class="shares-name">
              {series.cron ? <NameLink cron={series.cron} /> : series.label}
            </td>
            <td class="number">{said(series.total, unit.value)}</td>
            <td class="number quiet">{percent(series.total / days.total)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DayTip({ days, pointer }: { days: Days; pointer: Pointer }): JSX.Element | null {
  const at = days.days[pointer.index];
  if (at === undefined) return null;
  const list = days.series.map((series, index) => ({ ...series, index, value: series.values[pointer.index] ?? 0 }));
  const sum = list.reduce((all, each) => all + each.value, 0);
  return (
    <Floating x={pointer.clientX} y={pointer.clientY}>
      <div class="tip-title">{day(at, zone.value)}</div>
      <table class="tip-table">
        <tbody>
          {list.filter((each) => each.value).toReversed().map((each) => (
            <tr key={each.index}>
              <td>
                <i class={`swatch swatch-${each.index}`} />
                {each.label}
              </td>
              <td>{said(each.value, unit.value)}</td>
            </tr>
          ))}
          <tr class="tip-sum">
            <td>All</td>
            <td>{said(sum, unit.value)}</td>
          </tr>
        </tbody>
      </table>
    </Floating>
  );
}

function Forecast({ crons }: { crons: readonly GraphCron[] }): JSX.Element {
  const total = useMemo(() => forecastOf(crons), [crons]);
  const top = total.rows.slice(0, ROWS);
  const most = Math.max(...top.map((row) => row.cost ?? 0), 0);
  const mostTokens = Math.max(1, ...top.map((row) => row.tokens ?? 0));
  return (
    <div class="card">
      <header class="card-head">
        <h2>Forecast until the end of the month</h2>
        {!Number.isNaN(total.until) && <span class="card-sub">until {day(total.until - 1, "UTC")}, UTC</span>}
      </header>
      <dl class="figures">
        <div>
          <dt>Runs</dt>
          <dd>{short(total.runs)}</dd>
        </div>
        <div>
          <dt>Tokens</dt>
          <dd>{total.tokens ? `≈ ${short(total.tokens)}` : "–"}</dd>
        </div>
        <div>
          <dt>Money</dt>
          <dd>{total.cost ? `≈ ${money(total.cost)}` : "–"}</dd>
        </div>
      </dl>
      {total.unknown > 0 && (
        <p class="quiet pad">
          Without {counted(total.unknown, "GraphCron")} that {total.unknown === 1 ? "has" : "have"} no ended run to estimate from.
        </p>
      )}
      {top.length > 0 && (
        <table class="list">
          <thead>
            <tr>
              <th>GraphCron</th>
              <th class="number">Runs</th>
              <th class="number">Tokens</th>
              <th class="number">Money</th>
              <th class="list-meter" aria-hidden="true" />
            </tr>
          </thead>
          <tbody>
            {top.map((row) => (
              <tr key={row.cron.uid}>
                <td>
                  <NameLink cron={row.cron} />
                </td>
                <td class="number">{short(row.runs)}</td>
                <td class="number">{row.tokens === undefined ? "–" : short(row.tokens)}</td>
                <td class="number">{row.cost === undefined ? "–" : money(row.cost)}</td>
                <td class="list-meter" aria-hidden="true">
                  <span class="meter">
                    <i style={{ width: `${(most ? (row.cost ?? 0) / most : (row.tokens ?? 0) / mostTokens) * 100}%` }} />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {total.rows.length > ROWS && <p class="quiet pad">and {counted(total.rows.length - ROWS, "other")}</p>}
    </div>
  );
}
