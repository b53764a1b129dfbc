import assert from "node:assert/strict";
import { test } from "node:test";
import { worldOf } from "../fixtures.ts";
import * as store from "../src/data/store.ts";

const NOW = Date.parse("2026-11-30T17:02:00Z");

test("changes replace, add and remove objects, and are announced", () => {
  const { state } = worldOf(30, NOW);
  const [first, second] = state.graphCrons;
  const run = state.graphRuns?.[0];
  assert.ok(first && second && run);
  store.setState({ ...state, readOnly: true });
  const schedules = store.schedulesChanged.peek();

  const newest = { ...first.runs[0]!, id: "newest", outcome: "GraphError" };
  store.change({ set: [{ ...first, runs: [newest, ...first.runs] }] });
  assert.equal(store.crons.value.get(first.uid)?.runs[0]?.id, "newest");
  assert.equal(store.announced.value, `${first.name}: GraphError`);
  assert.equal(store.schedulesChanged.value, schedules, "a run changes no future time");

  store.change({ set: [{ ...second, schedules: ["0 3 * * *"] }] });
  assert.equal(store.schedulesChanged.value, schedules + 1);

  store.change({ gone: [second.uid], graphRuns: { gone: [run.uid] } });
  assert.equal(store.crons.value.size, 29);
  assert.ok(!store.looseRuns.value.has(run.uid));
});

test("a change that is the whole state removes what it does not set", () => {
  const { state } = worldOf(30, NOW);
  store.setState({ ...state, readOnly: true });
  store.change({ all: true, set: state.graphCrons.slice(0, 2), graphRuns: { set: [], gone: [] } });
  assert.deepEqual([store.crons.value.size, store.looseRuns.value.size], [2, 0]);
});
