/** The four answers above all views; each leads to its view. */

import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import { goTo, type ViewName } from "../data/route.ts";
import { zone } from "../data/settings.ts";
import { load, now, shown, shownRuns } from "../data/store.ts";
import { forecastOf } from "../model/cost.ts";
import { counted, money, short, whole } from "../model/numbers.ts";
import { FORM_WORDS } from "../model/outcomes.ts";
import { ENDED, pileOf, summaryOf } from "../model/summary.ts";
import { distance, MINUTE, moment, ms } from "../model/time.ts";
import { kebab } from "../theme.ts";
import { FormIcon } from "./icons.tsx";

export function Summary(): JSX.Element {
  const crons = shown.value;
  const runs = shownRuns.value;
  const minute = Math.floor(now.value / MINUTE);
  const summary = useMemo(() => summaryOf(crons, runs, now.peek()), [crons, runs, minute]);
  const forecast = useMemo(() => forecastOf(crons), [crons]);
  const at = now.value;
  const forms = ENDED.filter((form) => summary.ended[form]);
  const ended = forms.reduce((sum, form) => sum + summary.ended[form], 0);
  const next = summary.next;
  return (
    <div class="answers">
      <Answer view="table" question="Last 24 hours">
        {ended ? (
          <>
            <div class="answer-main">
              {whole(summary.ended.succeeded)} <small>of {whole(ended - summary.ended.skipped)} succeeded</small>
            </div>
            <div class="answer-bar" aria-hidden="true">
              {forms.map((form) => (
                <i key={form} class={`fill-${kebab(form)}`} style={{ flexGrow: summary.ended[form] }} />
              ))}
            </div>
            <div class="answer-sub">
              {forms.filter((form) => form !== "succeeded").map((form) => (
                <span key={form} class="with-icon">
                  <FormIcon form={form} title="" />
                  {whole(summary.ended[form])} {FORM_WORDS[form]}
                </span>
              ))}
            </div>
          </>
        ) : (
          <div class="answer-main answer-none">No run has ended</div>
        )}
      </Answer>
      <Answer view="timeline" question="Now and next">
        <div class="answer-main">
          {summary.active ? (
            <>
              {whole(summary.active)} <small>running{next ? "" : ", nothing is due"}</small>
            </>
          ) : next ? (
            <>
              {distance(next.at, at)} <small>the next run</small>
            </>
          ) : (
            <span class="answer-none">Nothing is due</span>
          )}
        </div>
        {next && (
          <div class="answer-sub">
            <span>
              {moment(next.at, at, zone.value)} <b>{next.cron.name}</b>
              {summary.active ? `, ${distance(next.at, at)}` : ""}
            </span>
          </div>
        )}
      </Answer>
      <PileUp />
      <Answer view="cost" question="Cost of the last 24 hours">
        <div class="answer-main">
          {summary.cost ? (
            <>
              {summary.atLeast ? "≥ " : ""}
              {money(summary.cost)} <small>{short(summary.tokens)} tokens</small>
            </>
          ) : summary.tokens ? (
            <>
              {summary.atLeast ? "≥ " : ""}
              {short(summary.tokens)} <small>tokens</small>
            </>
          ) : (
            <span class="answer-none">No tokens recorded</span>
          )}
        </div>
        <div class="answer-sub">
          {forecast.cost > 0 ? (
            <span>≈ {money(forecast.cost)} more until the month ends</span>
          ) : forecast.tokens > 0 ? (
            <span>≈ {short(forecast.tokens)} tokens more until the month ends</span>
          ) : null}
        </div>
      </Answer>
    </div>
  );
}

function PileUp(): JSX.Element {
  const all = load.value;
  const pile = useMemo(() => all && pileOf(all), [all]);
  if (!all || !pile) {
    return (
      <Answer view="load" question="Next 24 hours">
        <div class="answer-main answer-none">…</div>
      </Answer>
    );
  }
  const peakAt = ms(all.start) + pile.peak.minute * MINUTE;
  return (
    <Answer view="load" question="Next 24 hours">
      <div class="answer-main">
        {whole(pile.starts)} <small>{pile.starts === 1 ? "start" : "starts"}</small>
      </div>
      <div class="answer-sub">
        {pile.worst ? (
          <span class="with-icon over">
            <FormIcon form="failed" title="" />
            <span>
              {pile.worst.name}: {counted(pile.worst.minutesOver, "minute")} over its limit
            </span>
          </span>
        ) : pile.peak.value > 1 ? (
          <span>up to {pile.peak.value} a minute, at {moment(peakAt, now.value, zone.value)}</span>
        ) : (
          <span>no two in the same minute</span>
        )}
      </div>
    </Answer>
  );
}

function Answer({ view, question, children }: { view: ViewName; question: string; children: ComponentChildren }): JSX.Element {
  return (
    <button type="button" class="answer" onClick={() => goTo(view)}>
      <div class="answer-question">{question}</div>
      {children}
    </button>
  );
}
