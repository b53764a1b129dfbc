import assert from "node:assert/strict";
import { test } from "node:test";
import { ticksOf } from "../src/model/ticks.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 30);

test("a day begins with its date, and its hours have the time", () => {
  const ticks = ticksOf({ from: START + DAY / 2, to: START + 1.5 * DAY }, 480, "UTC");
  assert.deepEqual(ticks.map(({ label }) => label), ["12:00", "18:00", "Tue 1 Dec", "06:00", "12:00"]);
  assert.deepEqual(ticks.map(({ strong }) => strong), [false, false, true, false, false]);
});

test("the same days have labels wherever the window begins", () => {
  const labels = (shift: number): string[] => {
    const from = START + shift * DAY;
    return ticksOf({ from, to: from + 30 * DAY }, 1000, "UTC").map(({ label }) => label);
  };
  const before = labels(0);
  const after = labels(1.3);
  const common = before.filter((label) => after.includes(label));
  assert.ok(common.length >= before.length - 1, `${before.join()} and ${after.join()}`);
  assert.ok(before.length <= 1000 / 76 + 1);
});

test("labels have room at each zoom", () => {
  for (let span = 10 * MINUTE; span < 62 * DAY; span *= 1.3) {
    const ticks = ticksOf({ from: START, to: START + span }, 900, "local");
    const gaps = ticks.slice(1).map(({ at }, index) => ((at - ticks[index]!.at) / span) * 900);
    assert.ok(ticks.length >= 2 && gaps.every((gap) => gap > 70), `${span / MINUTE} minutes: ${gaps.join()}`);
  }
});
