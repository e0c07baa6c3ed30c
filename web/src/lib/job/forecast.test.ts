import { expect, it } from "vitest";
import { outlook, simulatedNs } from "./forecast";

const running = {
  status: "RUNNING" as const,
  progress: { step: 400, target_step: 1000, ns_per_day: 10, eta_s: 600 },
  started_at: "2026-11-22T10:00:00Z",
  synced_at: "2026-11-22T10:10:00Z",
  walltime_s: 3600,
};

it("says when a job ends and what is left of its walltime", () => {
  expect(outlook(running)).toEqual({
    ends: Date.parse("2026-11-22T10:20:00Z"),
    limit: Date.parse("2026-11-22T11:00:00Z"),
    spare: 2400,
    reaches: null,
  });
});

it("says how far a walltime gets that is too short", () => {
  expect(outlook({ ...running, walltime_s: 900 })).toMatchObject({ spare: -300, reaches: 700 });
});

it("knows nothing of a job that does not run, or has no speed yet", () => {
  expect(outlook({ ...running, status: "COMPLETED" })).toBeNull();
  expect(outlook({ ...running, progress: { step: null, target_step: 10, ns_per_day: null, eta_s: null } })).toBeNull();
  expect(outlook({ ...running, walltime_s: null })).toMatchObject({ limit: null, spare: null });
});

it("counts simulated time", () => {
  expect(simulatedNs(500_000, 2)).toBe(1);
  expect(simulatedNs(null, 2)).toBeNull();
});
