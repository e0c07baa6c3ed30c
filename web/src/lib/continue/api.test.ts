import { describe, expect, it } from "vitest";
import { emptyForm, requestOf } from "./api";

describe("the request of a form", () => {
  it("goes on from the newest set to the end of the plan when nothing is said", () => {
    expect(requestOf(emptyForm())).toEqual({});
  });

  it("takes a step, a length and resources as they are typed", () => {
    const form = { ...emptyForm(), from: 500, length: "more" as const, more: "2.5", cores: "8", walltime: "04:00:00" };
    expect(requestOf(form)).toEqual({
      checkpoint: 500,
      time: "2.5 ns",
      resources: { cores: 8, walltime: "04:00:00" },
    });
    expect(requestOf({ ...form, from: "start", unit: "steps", more: "1000" })).toMatchObject({
      from_start: true,
      steps: 1000,
    });
  });

  it("is no request while a number is missing or wrong", () => {
    const form = { ...emptyForm(), length: "more" as const };
    for (const more of ["", "x", "-1", "0"]) expect(requestOf({ ...form, more })).toBeNull();
    expect(requestOf({ ...form, more: "1.5", unit: "steps" })).toBeNull();
    expect(requestOf({ ...emptyForm(), cores: "2.5" })).toBeNull();
  });
});
