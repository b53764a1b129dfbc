/** Budgets with what is left. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { now } from "../data/store.ts";
import { open } from "../data/route.ts";
import type { GraphCron } from "../types.ts";
import { budgetsOf, type BudgetBar, type Unit } from "../model/cost.ts";
import { counted, money, short } from "../model/numbers.ts";
import { distance, ms } from "../model/time.ts";
import { Empty } from "../parts/empty.tsx";
import { Icon } from "../parts/icons.tsx";

const BUDGETS = 12;

/** Return an amount of tokens or money as text. */
export function said(value: number, of: Unit): string {
  return of === "tokens" ? short(value) : money(value);
}

export function Budgets({ crons }: { crons: readonly GraphCron[] }): JSX.Element {
  const bars = useMemo(() => budgetsOf(crons), [crons]);
  return (
    <div class="card">
      <header class="card-head">
        <h2>Budgets</h2>
        <span class="card-sub">{bars.length ? "those with the least left first" : ""}</span>
      </header>
      {!bars.length && (
        <Empty title="No GraphCron has a budget for a window">
          <p>
            Set <code>spec.budget.maxTokens</code> or <code>maxCost</code> with a <code>window</code>, and runs are skipped once it is used up.
          </p>
        </Empty>
      )}
      <ul class="budgets">
        {bars.slice(0, BUDGETS).map((bar) => (
          <BudgetRow key={`${bar.cron.uid} ${bar.unit}`} bar={bar} />
        ))}
      </ul>
      {bars.length > BUDGETS && <p class="quiet pad">and {counted(bars.length - BUDGETS, "other")} with more left</p>}
    </div>
  );
}

export function BudgetRow({ bar, named = true }: { bar: BudgetBar; named?: boolean }): JSX.Element {
  const { cron, share } = bar;
  const level = share >= 1 ? "full" : share >= 0.8 ? "near" : "fine";
  const ends = ms(cron.budget?.windowEnd);
  const window = [cron.budget?.window ? `per ${cron.budget.window}` : "", Number.isNaN(ends) ? "" : `next window ${distance(ends, now.value)}`];
  return (
    <li class="budget">
      <div class="budget-text">
        {named ? <NameLink cron={cron} /> : <span>{bar.unit === "tokens" ? "Tokens" : "Money"}</span>}
        <span class="budget-left">
          {share >= 1 ? (
            <strong class="over">
              <Icon name="warn" size={13} /> used up
            </strong>
          ) : (
            <>
              <strong>{said(bar.left, bar.unit)}</strong> left
            </>
          )}
        </span>
      </div>
      <div
        class={`meter meter-${level}`}
        role="meter"
        aria-label={`${cron.name}: ${bar.unit === "tokens" ? "tokens" : "money"} used`}
        aria-valuemin={0}
        aria-valuemax={bar.limit}
        aria-valuenow={Math.min(bar.used, bar.limit)}
        aria-valuetext={`${said(bar.used, bar.unit)} of ${said(bar.limit, bar.unit)}`}
      >
        <i style={{ width: `${Math.min(1, share) * 100}%` }} />
      </div>
      <div class="budget-sub">
        <span>
          {said(bar.used, bar.unit)} of {said(bar.limit, bar.unit)} {bar.unit === "tokens" ? "tokens" : ""}
        </span>
        <span>{window.filter(Boolean).join(" · ")}</span>
      </div>
    </li>
  );
}

export function NameLink({ cron }: { cron: GraphCron }): JSX.Element {
  return (
    <button type="button" class="link" title={`${cron.namespace}/${cron.name}`} onClick={() => open(cron.namespace, cron.name)}>
      {cron.name}
    </button>
  );
}
