import { describe, expect, it } from "vitest";
import type { StructureFacts, StructureSource } from "$lib/api/types";
import {
  COMFORTABLE_BYTES,
  COMFORTABLE_FRAMES,
  comfortable,
  firstSelection,
  firstSource,
  frameLabel,
  MOST_BYTES,
  MOST_FRAMES,
  nextFrame,
  plans,
  simulated,
  sourceLabel,
} from "./frames";

const facts = (change: Partial<StructureFacts> = {}): StructureFacts => ({
  name: "outputs/run.dcd",
  kind: "trajectory",
  atoms: 100_000,
  water_atoms: 90_000,
  ion_atoms: 200,
  frames: 2000,
  first_step: 5000,
  step_interval: 5000,
  timestep_fs: 2,
  frame_bytes: 1_200_080,
  trailing_bytes: 0,
  cell_origin: [0, 0, 0],
  ...change,
});

describe("which frames are loaded", () => {
  it("takes all of a small trajectory", () => {
    expect(comfortable(facts({ frames: 100 }), "no_water")).toMatchObject({ stride: 1, frames: 100 });
  });

  it("takes every so manieth of a large one, and fewer with water", () => {
    const dry = comfortable(facts(), "no_water");
    const wet = comfortable(facts(), "all");
    for (const plan of [dry, wet]) {
      expect(plan.bytes).toBeLessThanOrEqual(COMFORTABLE_BYTES);
      expect(plan.frames).toBeLessThanOrEqual(COMFORTABLE_FRAMES);
    }
    expect(wet.stride).toBeGreaterThan(dry.stride);
  });

  it("offers no more than a browser can hold, and always something", () => {
    for (const frames of [1, 2, 999, 1e6, 1e9]) {
      const found = plans(facts({ frames }), "all");
      expect(found.length).toBeGreaterThan(0);
      for (const plan of found) {
        expect(plan.bytes).toBeLessThanOrEqual(MOST_BYTES);
        expect(plan.frames).toBeLessThanOrEqual(MOST_FRAMES);
      }
    }
  });

  it("shows a system of nothing but water with it", () => {
    expect(firstSelection(facts({ atoms: 300, water_atoms: 300 }))).toBe("all");
    expect(firstSelection(facts())).toBe("no_water");
  });
});

describe("what a frame is called", () => {
  it("has its number, step and time with units", () => {
    expect(frameLabel(facts(), 10, 3)).toBe("frame 31 of 2,000, step 155,000, 0.31 ns");
    expect(frameLabel(facts({ frames: 1, first_step: 100 }), 1, 0)).toBe("step 100, 0.2 ps");
  });

  it.each([
    [0, "0 ns"],
    [0.00025, "0.25 ps"],
    [0.000002, "2 fs"],
    [12.3456789, "12.346 ns"],
  ])("says %f ns as %s", (ns, words) => {
    expect(simulated(ns)).toBe(words);
  });
});

const source = (name: string, kind: StructureSource["kind"]): StructureSource => ({
  name,
  kind,
  bytes: 1,
  here: false,
});

describe("what is shown first", () => {
  const sources = [
    source("scratch/outputs/run.dcd", "trajectory"),
    source("scratch/outputs/run.restart.coor", "snapshot"),
    source("input_files/run.pdb", "input"),
  ];

  it("is the newest frame of a running job, else the trajectory", () => {
    expect(firstSource(sources, true)?.kind).toBe("snapshot");
    expect(firstSource(sources, false)?.kind).toBe("trajectory");
    expect(firstSource([sources[2] as StructureSource], true)?.kind).toBe("input");
    expect(firstSource([], true)).toBeUndefined();
  });

  it("is named for what it is", () => {
    expect(sources.map(sourceLabel)).toEqual(["Trajectory: run.dcd", "Now: run.restart.coor", "Start: run.pdb"]);
  });
});

it("plays from the end on from the begin", () => {
  expect([nextFrame(0, 3), nextFrame(2, 3), nextFrame(0, 1)]).toEqual([1, 0, 0]);
});
