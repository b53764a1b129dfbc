import assert from "node:assert/strict";
import { test } from "node:test";
import { barOf, futureOf } from "../src/model/marks.ts";
import type { Run } from "../src/types.ts";

const HOUR = 3_600_000;
const hours = (...at: number[]): number[] => at.map((hour) => hour * 3600);

test("occurrences that are far apart are marks", () => {
  const due = { times: hours(1, 2, 3), count: 3 };
  assert.deepEqual(futureOf(due, 0, 4 * HOUR, HOUR / 100), { marks: [HOUR, 2 * HOUR, 3 * HOUR], bands: [] });
});

test("occurrences that would touch each other are a band, and a gap between them ends it", () => {
  const due = { times: hours(1, 1.1, 1.2, 6, 6.1, 6.2, 9), count: 7 };
  const { marks, bands } = futureOf(due, 0, 10 * HOUR, HOUR / 10);
  assert.deepEqual(marks, [9 * HOUR]);
  assert.deepEqual(bands.map(({ from, to, count }) => [from / HOUR, to / HOUR, count]), [[1, 1.2, 3], [6, 6.2, 3]]);
});

test("a band goes on to the end of the answer's time when the answer was cut", () => {
  const due = { times: hours(1, 1.1, 1.2), count: 1000 };
  assert.deepEqual(futureOf(due, 0, 24 * HOUR, HOUR / 10).bands, [{ from: HOUR, to: 24 * HOUR, count: 1000 }]);
});

test("a cut answer without a dense part has a band after its last time", () => {
  const { marks, bands } = futureOf({ times: hours(1, 2), count: 10 }, 0, 24 * HOUR, HOUR / 100);
  assert.deepEqual(marks, [HOUR, 2 * HOUR]);
  assert.deepEqual(bands, [{ from: 2 * HOUR, to: 24 * HOUR, count: 8 }]);
});

test("only what lies in the window is drawn", () => {
  const due = { times: hours(1, 5, 9), count: 3 };
  assert.deepEqual(futureOf(due, 4 * HOUR, 6 * HOUR, HOUR / 100).marks, [5 * HOUR]);
});

const run = (members: Partial<Run>): Run => ({ id: "a", kind: "Scheduled", name: "a", outcome: "Succeeded", ...members });
const at = (hour: number): string => new Date(hour * HOUR).toISOString();

test("a bar goes from the start to the end of a run, and of an active one to now", () => {
  const ended = barOf(run({ scheduledTime: at(1), startTime: at(2), completionTime: at(3) }), 9 * HOUR);
  assert.deepEqual([ended?.from, ended?.to], [2 * HOUR, 3 * HOUR]);
  const active = barOf(run({ outcome: "Running", startTime: at(2) }), 9 * HOUR);
  assert.deepEqual([active?.from, active?.to], [2 * HOUR, 9 * HOUR]);
});

test("skipped occurrences in one entry go from the first to the last", () => {
  const bar = barOf(run({ outcome: "Skipped", firstScheduledTime: at(1), scheduledTime: at(4), count: 4 }), 9 * HOUR);
  assert.deepEqual([bar?.form, bar?.from, bar?.to], ["skipped", HOUR, 4 * HOUR]);
});

test("a run without any time has no bar", () => {
  assert.equal(barOf(run({}), 0), undefined);
});
