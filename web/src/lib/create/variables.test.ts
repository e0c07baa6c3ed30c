import { describe, expect, it } from "vitest";
import { variable } from "./sample";
import { complaint, missing, rangeWords, shownVariables } from "./variables";

describe("variables of a form", () => {
  const mode = variable("mode", { type: "choice", default: "run", choices: ["run", "minimize"] });
  const steps = variable("steps", { required: true, when: { variable: "mode", value: "minimize" } });

  it("shows a variable only while its condition holds", () => {
    expect(shownVariables([mode, steps], {}).map((v) => v.name)).toEqual(["mode"]);
    expect(shownVariables([mode, steps], { mode: "minimize" }).map((v) => v.name)).toEqual(["mode", "steps"]);
  });
  it("asks for what is required and shown", () => {
    expect(missing([mode, steps], {}, {})).toEqual([]);
    expect(missing([mode, steps], { mode: "minimize" }, {}).map((v) => v.name)).toEqual(["steps"]);
  });
  it("says ranges with their unit", () => {
    expect(rangeWords(variable("t", { minimum: 200, maximum: 400, unit: "K" }))).toBe("200 to 400 K");
    expect(rangeWords(variable("t", { minimum: 0 }))).toBe("at least 0");
  });
  it.each([
    [variable("t", { minimum: 200, maximum: 400, unit: "K" }), "900", "200 to 400 K"],
    [variable("t"), "warm", "not a number"],
    [variable("n", { type: "integer" }), "1.5", "whole"],
    [variable("d", { type: "time" }), "5", "unit"],
  ])("complains about what cannot be used", (one, value, words) => {
    expect(complaint(one, value)).toContain(words);
  });
  it("accepts what can be used, and nothing", () => {
    expect(complaint(variable("d", { type: "time" }), "5 ns")).toBe("");
    expect(complaint(variable("t", { minimum: 1 }), "")).toBe("");
  });
});
