import { describe, expect, it } from "vitest";
import { ApiError } from "$lib/api/client";
import type { Finding } from "$lib/api/types";
import { atFields, placed } from "./errors";
import { grouped } from "./findings";

const error = (code: string, context: Record<string, unknown> = {}) =>
  new ApiError(code, "It is wrong.", "Correct it.", false, 422, context);

describe("errors of the server", () => {
  it("go to every variable they are about", () => {
    const problems = [
      { variable: "temperature", message: "Too hot.", remedy: "Cool it." },
      { variable: "pressure", message: "Too low.", remedy: "" },
    ];
    expect(placed(error("value-out-of-range", { problems })).variables).toEqual({
      temperature: "Too hot. Cool it.",
      pressure: "Too low.",
    });
  });
  it.each([
    ["memory-unit-missing", "memory"],
    ["walltime-invalid", "walltime"],
    ["job-name-invalid", "name"],
    ["config-not-found", "config"],
  ])("%s goes to %s", (code, field) => {
    expect(placed(error(code)).fields[field]).toBe("It is wrong. Correct it.");
  });
  it("go to the field of an invalid request", () => {
    const found = placed(error("invalid-request", { errors: [{ field: "resources.cores", message: "too small" }] }));
    expect(found.fields).toEqual({ cores: "too small" });
  });
  it("stay whole where no field is known", () => {
    const found = placed(error("server-busy"));
    expect(found.rest?.code).toBe("server-busy");
    expect(placed(new Error("oops")).rest?.message).toBe("oops");
  });
});

describe("findings", () => {
  const finding = (severity: Finding["severity"], keyword: string | null): Finding => ({
    code: "x",
    severity,
    message: "m",
    remedy: "",
    keyword,
    file: null,
    line: null,
  });
  it("are grouped, gravest first", () => {
    const found = grouped([finding("advice", null), finding("error", null), finding("advice", null)]);
    expect(found.map((group) => group.title)).toEqual(["1 error", "2 remarks"]);
  });
  it("about resources stand at their fields", () => {
    expect(Object.keys(atFields([finding("error", "walltime"), finding("error", "pme")]))).toEqual(["walltime"]);
  });
});
