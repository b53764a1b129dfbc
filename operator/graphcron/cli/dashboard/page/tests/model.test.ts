import assert from "node:assert/strict";
import { test } from "node:test";
import { worldOf } from "../fixtures.ts";
import { fieldsProblem, hasFailed, jsonProblem, requestOf, runToCancel, utc } from "../src/actions/request.ts";
import { hashOf, placeOf } from "../src/data/route.ts";
import { sorted } from "../src/model/columns.ts";
import { budgetsOf, daysOf, forecastOf } from "../src/model/cost.ts";
import { fullHourOf, summariesOf, windowOf } from "../src/model/load.ts";
import { formOf, FORMS, healthOf } from "../src/model/outcomes.ts";
import { matches, offsetsOf, rowAt, rowsOf, wordsOf } from "../src/model/rows.ts";
import { ENDED, summaryOf } from "../src/model/summary.ts";
import { distance, duration, shortMoment } from "../src/model/time.ts";
import { asked, around, zoomed } from "../src/model/window.ts";
import { safeLink } from "../src/parts/receipt.tsx";
import type { Load, Run } from "../src/types.ts";

const NOW = Date.parse("2026-11-30T17:02:00Z");
const DAY = 86_400_000;
const { state } = worldOf(30, NOW);
const crons = state.graphCrons;

test("a filter needs all words, in the name, a label or the last outcome", () => {
  const found = (text: string): string[] => crons.filter((cron) => matches(cron, wordsOf(text))).map((cron) => cron.name);
  assert.equal(found("").length, 30);
  assert.ok(found("team=research").length > 1);
  assert.deepEqual(found("Daily-Digest research"), ["daily-digest"]);
  assert.deepEqual(found("daily-digest no-such-word"), []);
});

test("groups have their GraphCrons below them, and GraphRuns come last", () => {
  const rows = rowsOf(crons, state.graphRuns ?? [], "namespace", (cron) => healthOf(cron) === "failing");
  const groups = rows.filter((row) => row.kind === "group");
  assert.deepEqual(groups.map((row) => row.label), ["platform", "research", "sales", "support", "GraphRuns without a GraphCron"]);
  assert.equal(groups.slice(0, 4).reduce((sum, row) => sum + row.crons, 0), 30);
  assert.ok(rows.slice(-3).every((row) => row.kind === "run"));
});

test("the row at a height is found", () => {
  const rows = rowsOf(crons, [], "namespace", () => false);
  const offsets = offsetsOf(rows);
  for (const index of [0, 1, 7, rows.length - 1]) assert.equal(rowAt(offsets, offsets[index]!), index);
  assert.equal(rowAt(offsets, 1e9), rows.length - 1);
});

test("those without a value come last in both directions", () => {
  for (const descending of [false, true]) {
    const order = sorted(crons, { column: "next", descending }).map((cron) => Boolean(cron.next[0]));
    assert.equal(order.lastIndexOf(true) + 1, order.indexOf(false));
  }
});

test("the days of the cost add up to what the runs of these days used", () => {
  const { series, days, total } = daysOf(crons, [], "tokens", NOW, "UTC", 14, 10);
  assert.equal(days.length, 14);
  assert.equal(series.length, 11);
  const since = days[0]!;
  const used = crons.flatMap((cron) => cron.runs).filter((run) => Date.parse(run.completionTime ?? run.scheduledTime ?? "") >= since);
  assert.equal(total, used.reduce((sum, run) => sum + (run.tokens ?? 0), 0));
  assert.equal(total, series.reduce((sum, each) => sum + each.values.reduce((a, b) => a + b), 0));
});

test("what GraphRuns without a GraphCron used counts, too", () => {
  const ended = new Date(NOW - 3_600_000).toISOString();
  const run: Run = { id: "a", kind: "GraphRun", name: "a", outcome: "Succeeded", completionTime: ended, tokens: 1e9, cost: "2.5" };
  const waits: Run = { id: "b", kind: "GraphRun", name: "b", outcome: "Waiting" };
  const { series, total } = daysOf(crons, [run, waits], "tokens", NOW, "UTC");
  assert.deepEqual([series[0]?.label, series[0]?.total], ["GraphRuns without a GraphCron", 1e9]);
  assert.equal(total, 1e9 + daysOf(crons, [], "tokens", NOW, "UTC").total);
  const { ended: forms, tokens, cost, active } = summaryOf([], [run, waits], NOW);
  assert.deepEqual([forms.succeeded, tokens, cost, active], [1, 1e9, 2.5, 1]);
});

test("the day of a clock change is one day", () => {
  const { days } = daysOf([], [], "tokens", Date.parse("2026-10-27T12:00:00Z"), "local", 7);
  assert.equal(new Set(days).size, 7);
});

test("budgets with the least left come first, and one that is used up has nothing left", () => {
  const over = { ...crons[0]!, budget: { window: "day", tokens: 150, maxTokens: 100 } };
  const [first, second] = budgetsOf([...crons, over]);
  assert.deepEqual([first?.left, first?.share], [0, 1.5]);
  assert.ok((second?.share ?? 2) <= 1.5);
});

test("a GraphCron without an ended run is named as unknown in the forecast", () => {
  const fresh = { ...crons[0]!, forecast: { runs: 5, tokens: null, cost: null } };
  const { unknown, runs } = forecastOf([fresh]);
  assert.deepEqual([unknown, runs], [1, 5]);
});

const load = (starts: (minute: number) => number, running = 0): Load => {
  const minutes = Array.from({ length: 1440 }, (_, minute) => minute);
  return { start: "2026-11-30T17:02:00Z", minutes: 1440, servers: [{ label: "a", max: 4, starts: minutes.map(starts), running: minutes.map(() => running) }] };
};

test("many starts on the full hour are noticed, an even load is not", () => {
  const full = fullHourOf(load((minute) => ((minute + 2) % 60 === 0 ? 20 : 0)));
  assert.deepEqual([full?.peak, full?.starts, full?.all], [20, 480, 480]);
  assert.equal(fullHourOf(load(() => 3)), undefined);
  assert.equal(fullHourOf(load((minute) => ((minute + 2) % 60 === 0 ? 1 : 0))), undefined);
});

test("the minutes over a server's limit are counted", () => {
  assert.equal(summariesOf(load(() => 1, 5))[0]?.minutesOver, 1440);
  assert.equal(summariesOf(load(() => 1, 4))[0]?.minutesOver, 0);
});

test("the due times of a minute are asked for from before it, because the answer begins later than its start", () => {
  const { from, to } = windowOf(NOW);
  assert.ok(from < NOW && to >= NOW && to < NOW + 60_000);
});

test("an outcome or a label that is a name of JavaScript's is like any other", () => {
  assert.deepEqual(["constructor", "toString", "__proto__"].map(formOf), ["unknown", "unknown", "unknown"]);
  const [group] = rowsOf(crons.slice(0, 1), [], "label:constructor", () => false);
  assert.ok(group?.kind === "group");
  assert.equal(group.label, "without this label");
});

test("the summary counts the last 24 hours and finds the next run", () => {
  const summary = summaryOf(crons, [], NOW);
  assert.ok(summary.ended.succeeded > 0);
  assert.ok(summary.next && summary.next.at > NOW);
  assert.equal(summaryOf(crons, [], NOW + 400 * DAY).ended.succeeded, 0);
});

test("the summary shows each form of a run that has ended", () => {
  assert.deepEqual([...ENDED, "running"].sort(), [...FORMS].sort());
});

test("a zoom keeps the time under the pointer", () => {
  const view = around(NOW, DAY);
  const near = zoomed(view, 0.5, 0.25);
  assert.equal(near.from + (near.to - near.from) * 0.25, view.from + DAY * 0.25);
});

test("due times are asked for in whole pieces, from now on", () => {
  assert.equal(asked({ from: NOW - 2 * DAY, to: NOW - DAY }, NOW), undefined);
  const window = asked(around(NOW, DAY), NOW);
  assert.ok(window && window.from <= NOW && window.from > NOW - 300_001);
  assert.deepEqual(asked({ from: NOW - DAY / 2 + 1000, to: NOW + DAY / 2 + 1000 }, NOW + 1000), asked({ from: NOW - DAY / 2, to: NOW + DAY / 2 }, NOW));
});

test("times and durations are short", () => {
  assert.deepEqual([0.4, 45, 200, 3600, 7500, 90_000].map(duration), ["0.4s", "45s", "3m 20s", "1h", "2h 5m", "1d 1h"]);
  assert.equal(distance(NOW + 1000, NOW), "now");
  assert.equal(distance(NOW + 300_000, NOW), "in 5m");
  assert.equal(distance(NOW - 100_000, NOW), "100s ago");
  assert.deepEqual([NOW, NOW - 2 * DAY].map((at) => shortMoment(at, NOW, "UTC")), ["17:02", "28 Nov 17:02"]);
});

test("an address names a view and an object", () => {
  for (const hash of ["#timeline", "#table/team/a-job", "#cost/graphrun/team/a-run"]) assert.equal(hashOf(placeOf(hash)), hash);
  assert.deepEqual(placeOf("#no-such-view"), { view: "timeline" });
  assert.deepEqual(placeOf("#load/%E0%A4%A/x"), { view: "load", namespace: "%E0%A4%A", name: "x", kind: "graphcron" });
});

test("only addresses of the web are links", () => {
  assert.equal(safeLink("https://example.com/run"), "https://example.com/run");
  for (const url of ["javascript:alert(1)", " https://a", "data:text/html,a", "", null]) assert.equal(safeLink(url), undefined);
});

test("a dialog asks for what its verb takes, and for no more", () => {
  const fields = { input: ' {"a": 1} ', from: "2026-11-01T00:00", to: "", missing: true, parallel: "3" };
  const action = { namespace: "n", name: "a", run: "job-1" };
  const request = (verb: "run" | "cancel" | "suspend" | "backfill"): unknown => requestOf({ ...action, verb }, fields, "UTC", "2026-11-30T17:02:00Z");
  assert.deepEqual(request("run"), { verb: "run", namespace: "n", name: "a", input: '{"a": 1}' });
  assert.deepEqual(request("cancel"), { verb: "cancel", namespace: "n", name: "a", run: "job-1" });
  assert.deepEqual(request("suspend"), { verb: "suspend", namespace: "n", name: "a" });
  assert.deepEqual(request("backfill"), {
    verb: "backfill", namespace: "n", name: "a", from: "2026-11-01T00:00:00Z", to: "2026-11-30T17:02:00Z", missing: true, parallel: 3,
  });
  assert.equal(utc("2026-11-01T00:00", "UTC"), "2026-11-01T00:00:00Z");
  assert.equal(jsonProblem('{"a": 1}'), "");
  assert.match(jsonProblem("{'a': 1}"), /not JSON/);
});

test("a run that waits for its Job is cancelled by the name of its GraphRun", () => {
  const run: Run = { id: "once", kind: "GraphRun", name: "once", graphRun: "once", outcome: "Waiting" };
  assert.equal(runToCancel(run), "graphrun/once");
  assert.equal(runToCancel({ ...run, name: "once-job", job: "once-job" }), "once-job");
});

test("who may not run without an input must give one", () => {
  const fields = { input: " ", from: "", to: "", missing: true, parallel: "" };
  assert.equal(fieldsProblem("run", fields, ""), "");
  assert.match(fieldsProblem("run", fields, "you may not patch graphcrons"), /input.*you may not patch/);
  assert.equal(fieldsProblem("run", { ...fields, input: "{}" }, "you may not patch graphcrons"), "");
});

test("a command that continues has not failed", () => {
  assert.deepEqual([0, 1, null].map((code) => hasFailed({ code, output: "" })), [false, true, false]);
});
