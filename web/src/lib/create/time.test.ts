import { describe, expect, it } from "vitest";
import { clockOf, splitTime, stepsOf, stepsWords, timeWords } from "./time";
import { variable } from "./sample";

describe("times", () => {
  it.each([
    ["5 ns", 2, 20, 2_500_000],
    ["5ns", 2, 20, 2_500_000],
    ["4800 steps", 2, 20, 4800],
    ["1 ps", 2, 20, 500],
    ["1 ps", 4, 20, 260],
    ["0.3 ps", 1.5, 20, 200],
    ["1 us", 4, 10, 250_000_000],
    ["1e-1 ns", 2, 20, 50_000],
  ])("%s of %d fs in cycles of %d steps", (text, timestep, cycle, steps) => {
    expect(stepsOf(text, timestep, cycle)).toBe(steps);
  });
  it.each(["5", "ns", "", "5 min", "-5 ns", "1e999 parsecs"])("%s is no time", (text) => {
    expect(stepsOf(text, 2, 20)).toBeNull();
    expect(stepsWords(text, 2, 20)).toBe("");
  });
  it("says when it was rounded", () => {
    expect(stepsWords("5 ns", 2, 20)).toBe("2,500,000 steps of 2 fs = 5 ns");
    expect(stepsWords("1 ps", 4, 20)).toBe("260 steps of 4 fs = 1.04 ps, rounded up to whole cycles");
  });
  it("splits amount and unit", () => {
    expect(splitTime(" 2.4 ps")).toEqual({ amount: "2.4", unit: "ps" });
    expect(splitTime("1 step")).toEqual({ amount: "1", unit: "steps" });
    expect(splitTime("3 µs")).toEqual({ amount: "3", unit: "us" });
  });
  it("names times in the largest unit that fits", () => {
    expect([timeWords(2), timeWords(2500), timeWords(5e6), timeWords(1e9)]).toEqual(["2 fs", "2.5 ps", "5 ns", "1 us"]);
  });
  it("reads the clock from the template's lines", () => {
    const text = "timestep   {{ timestep }}\nstepsPerCycle 10\n";
    const variables = [variable("timestep", { default: 2 })];
    expect(clockOf(text, variables, {})).toEqual({ timestepFs: 2, cycle: 10 });
    expect(clockOf(text, variables, { timestep: "4" })).toEqual({ timestepFs: 4, cycle: 10 });
    expect(clockOf("run 5", [], {})).toEqual({ timestepFs: 1, cycle: 20 });
  });
});
