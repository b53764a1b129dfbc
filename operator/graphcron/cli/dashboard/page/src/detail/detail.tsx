/** The details of a GraphCron or a GraphRun, beside the view. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { zone } from "../data/settings.ts";
import { about, crons, looseRuns, now } from "../data/store.ts";
import { close, place } from "../data/route.ts";
import { askRights } from "../actions/rights.ts";
import type { GraphCron, GraphRun } from "../types.ts";
import { budgetsOf } from "../model/cost.ts";
import { stateOf } from "../model/columns.ts";
import { counted, money, short, amount } from "../model/numbers.ts";
import { formOf, healthOf } from "../model/outcomes.ts";
import { distance, duration, exact, moment, ms } from "../model/time.ts";
import { runsOf } from "../timeline/drawing.ts";
import { BudgetRow } from "../cost/budgets.tsx";
import { FormIcon, HealthDot, Icon } from "../parts/icons.tsx";
import { Receipt } from "../parts/receipt.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { Actions } from "./actions.tsx";
import { LogDialog, RunButtons, RunCard } from "./runs.tsx";
import { ObjectView } from "./object.tsx";

const TABS = ["Overview", "YAML", "Events"] as const;
const tab = signal<(typeof TABS)[number]>("Overview");

export function Detail(): JSX.Element | null {
  const { namespace, name, kind } = place.value;
  if (!namespace || !name) return null;
  const cron = kind === "graphcron" ? [...crons.value.values()].find((each) => each.namespace === namespace && each.name === name) : undefined;
  const run = kind === "graphrun" ? [...looseRuns.value.values()].find((each) => each.namespace === namespace && each.name === name) : undefined;
  return <Panel key={`${kind} ${namespace}/${name}`} namespace={namespace} name={name} cron={cron} run={run} />;
}

interface PanelProps {
  namespace: string;
  name: string;
  cron: GraphCron | undefined;
  run: GraphRun | undefined;
}

function Panel({ namespace, name, cron, run }: PanelProps): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // After the last key or click on a row, its row; Escape goes back there.
    const before = document.activeElement;
    heading.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => askRights(namespace), [namespace]);
  const exported = about.value?.readOnly;
  const shown = exported ? "Overview" : tab.value;
  return (
    <aside class="detail" aria-label={`Details of ${name}`}>
      <header class="detail-head">
        <div class="detail-title">
          <h2 ref={heading} tabIndex={-1}>{name}</h2>
          <button type="button" class="icon-button" aria-label="Close the details" title="Close (Esc)" onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        <div class="detail-sub">
          <span>{namespace}</span>
          {cron && (
            <span class="with-icon">
              <HealthDot health={healthOf(cron)} />
              {stateOf(cron)}
            </span>
          )}
          {run && (
            <span class="with-icon">
              <FormIcon form={formOf(run.outcome)} title="" />
              {run.outcome}
            </span>
          )}
        </div>
        {cron && !exported && <Actions cron={cron} />}
        {!exported && (cron || run) && (
          <Tabs className="subtabs" label="Details" prefix="subtab" panel="subpanel" tabs={TABS} shown={shown} onChoose={(each) => (tab.value = each)} />
        )}
      </header>
      <div class="detail-body" id="subpanel" role={exported ? undefined : "tabpanel"} aria-labelledby={exported ? undefined : `subtab-${shown}`} tabIndex={0}>
        {!cron && !run && <p class="quiet">There is no such object any more, or you cannot list it.</p>}
        {shown === "Overview" && cron && <Overview cron={cron} />}
        {shown === "Overview" && run && <RunOverview run={run} />}
        {shown !== "Overview" && (cron || run) && <ObjectView part={shown} kind={cron ? "graphcron" : "graphrun"} namespace={namespace} name={name} />}
      </div>
      <LogDialog namespace={namespace} />
    </aside>
  );
}

function Overview({ cron }: { cron: GraphCron }): JSX.Element {
  const budgets = budgetsOf([cron]);
  return (
    <>
      {cron.summary && (
        <div class={`note ${cron.ready === "False" ? "note-bad" : "note-warn"}`} role="note">
          <Icon name="warn" />
          <div>{cron.summary}</div>
        </div>
      )}
      <Section title="Next runs">
        {cron.next.length ? (
          <ol class="times">
            {cron.next.map((time) => (
              <li key={time}>
                <span>{moment(ms(time), now.value, zone.value)}</span>
                <span class="quiet">{distance(ms(time), now.value)}</span>
              </li>
            ))}
          </ol>
        ) : (
          <p class="quiet">Nothing is due{cron.stopped ? `: ${cron.stopped}` : ""}.</p>
        )}
      </Section>
      <Section title="Runs">
        <Runs cron={cron} />
      </Section>
      {budgets.length > 0 && (
        <Section title="Budget">
          <ul class="budgets budgets-flat">
            {budgets.map((bar) => (
              <BudgetRow key={bar.unit} bar={bar} named={false} />
            ))}
          </ul>
        </Section>
      )}
      <Section title="Schedule and target">
        <dl class="pairs">
          <Pair name="Schedule" code>{cron.schedules.join("\n")}</Pair>
          <Pair name="In words">{cron.scheduleText}</Pair>
          <Pair name="Time zone">{cron.zone}</Pair>
          <Pair name="Assistant" code>{cron.target}</Pair>
          <Pair name="Server">{cron.server}</Pair>
          <Pair name="Max at once">{cron.maxConcurrentRuns}</Pair>
          <Pair name="Thread" code>{cron.thread}</Pair>
          <Pair name="Median run">{duration(cron.medianSeconds)}</Pair>
          <Pair name="Forecast">{forecastText(cron)}</Pair>
          <Pair name="Created">{cron.created && exact(ms(cron.created), zone.value)}</Pair>
        </dl>
      </Section>
      <Section title="Conditions">
        <Conditions cron={cron} />
      </Section>
      {Object.keys(cron.labels).length > 0 && (
        <Section title="Labels">
          <ul class="labels">
            {Object.entries(cron.labels).map(([key, value]) => (
              <li key={key} class="chip">
                {key}={value}
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function Runs({ cron }: { cron: GraphCron }): JSX.Element {
  const runs = runsOf({ kind: "cron", key: cron.uid, cron });
  const [opened, setOpened] = useState<string | undefined>(undefined);
  if (!runs.length) return <p class="quiet">No run has ended yet.</p>;
  return (
    <ul class="runs">
      {runs.map((run) => (
        <RunCard key={run.id} cron={cron} run={run} opened={opened === run.id} onToggle={() => setOpened(opened === run.id ? undefined : run.id)} />
      ))}
    </ul>
  );
}

function RunOverview({ run }: { run: GraphRun }): JSX.Element {
  return (
    <>
      <Section title="Receipt">
        <Receipt run={run} />
        <RunButtons run={run} cancel={{ verb: "cancel", namespace: run.namespace, name: `graphrun/${run.name}` }} />
      </Section>
      <Section title="Target">
        <dl class="pairs">
          <Pair name="Assistant" code>{run.target}</Pair>
          <Pair name="Server">{run.server}</Pair>
        </dl>
      </Section>
    </>
  );
}

function Conditions({ cron }: { cron: GraphCron }): JSX.Element {
  if (!cron.conditions.length) return <p class="quiet">The operator has not reported anything yet. Is it running?</p>;
  return (
    <ul class="conditions">
      {cron.conditions.map((condition) => (
        <li key={condition.type}>
          <div class="condition-head">
            <span class="strong">{condition.type}</span>
            <span class={`chip ${isBad(condition) ? "chip-bad" : ""}`}>{condition.status}</span>
            <span class="quiet">{condition.since ? distance(ms(condition.since), now.value) : ""}</span>
          </div>
          <div class="condition-text">{condition.message || condition.reason}</div>
        </li>
      ))}
    </ul>
  );
}

const GOOD_IF_TRUE = new Set(["Ready", "LastRunSucceeded", "TargetResolved", "Complete"]);

function isBad({ type, status }: { type: string; status: string }): boolean {
  return GOOD_IF_TRUE.has(type) ? status === "False" : status === "True" && type !== "Reconciling";
}

function forecastText({ forecast }: GraphCron): string {
  if (!forecast) return "";
  const parts = [counted(forecast.runs, "run")];
  if (forecast.tokens != null) parts.push(`≈ ${short(forecast.tokens)} tokens`);
  if (forecast.cost != null) parts.push(`≈ ${money(amount(forecast.cost))}`);
  if (forecast.note) parts.push(forecast.note);
  return `${parts.join(", ")}, until the end of the month`;
}

function Section({ title, children }: { title: string; children: unknown }): JSX.Element {
  return (
    <section class="section">
      <h3>{title}</h3>
      {children as JSX.Element}
    </section>
  );
}

function Pair({ name, code = false, children }: { name: string; code?: boolean; children?: unknown }): JSX.Element | null {
  if (children === null || children === undefined || children === "") return null;
  return (
    <>
      <dt>{name}</dt>
      <dd class={code ? "code" : undefined}>{String(children)}</dd>
    </>
  );
}
