import assert from "node:assert/strict";
import { test } from "node:test";
import { worldOf } from "../fixtures.ts";
import { askRights, refusal, refusalOf } from "../src/actions/rights.ts";
import { follow } from "../src/data/live.ts";
import * as store from "../src/data/store.ts";

const NOW = Date.parse("2026-11-30T17:02:00Z");
const HOUR = 3_600_000;

/** Let requests be answered by path; return the paths that were asked. */
function answerWith(answer: (path: string) => unknown): string[] {
  const asked: string[] = [];
  globalThis.fetch = async (path) => {
    asked.push(String(path));
    return Response.json(answer(String(path)));
  };
  return asked;
}

async function until(holds: () => unknown): Promise<void> {
  for (const end = Date.now() + 20_000; !holds(); ) {
    assert.ok(Date.now() < end, "the condition did not become true within 20 seconds");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("the load of the next day is asked for again as time goes on", async () => {
  const world = worldOf(3, NOW);
  const asked = answerWith((path) => (path.includes("state") ? world.state : path.includes("load") ? world.load() : world.due(0, 1)));
  const loads = (): number => asked.filter((path) => path.includes("load")).length;
  // The clock of the test goes on only as the test says.
  globalThis.setInterval = (() => 0) as never;
  globalThis.EventSource = class {
    addEventListener(): void {}
  } as never;
  await follow();
  await until(() => store.load.value);
  store.now.value += 1000;
  assert.equal(loads(), 1);
  store.now.value += HOUR;
  await until(() => loads() === 2);
});

test("rights that could not be read are asked for again, and so are those that may have changed", async () => {
  globalThis.fetch = () => Promise.reject(new Error("no connection"));
  askRights("a");
  assert.match(refusal("a", "run"), /^Asking/);
  await until(() => /does not answer/.test(refusal("a", "run")));
  answerWith(() => ({ run: { allowed: false, reason: "you may not" } }));
  askRights("a");
  await until(() => refusal("a", "run") === "you may not");
  answerWith(() => ({ run: { allowed: true, reason: "" } }));
  askRights("a");
  await until(() => refusal("a", "run") === "");
});

test("who may create GraphRuns and not change GraphCrons may run with an input", async () => {
  const no = { allowed: false, reason: "you may not" };
  answerWith(() => ({ run: no, suspend: no, runWithInput: { allowed: true, reason: "" } }));
  assert.match(refusalOf("b", "run"), /^Asking/);
  askRights("b");
  await until(() => refusal("b", "run") === "you may not");
  assert.deepEqual([refusalOf("b", "run"), refusalOf("b", "suspend")], ["", "you may not"]);
});
