import { describe, expect, it } from "vitest";
import { problem } from "./api/client";
import { ago, bytes, duration, number, walltime } from "./format";
import { markedLines, LogBuffer, matches } from "./job/log";
import { filterFrom, nextSort, toggled } from "./jobs/filter";
import { ALL_STATES, elapsed, FACETS, fraction } from "./jobs/state";
import { place } from "./routes";
import { select } from "./selection";
import { pagesOf, visibleRows } from "./virtual";

describe("numbers for people", () => {
  it("bytes", () => {
    expect([0, 999, 1000, 1234, 12_345, 999_499, 999_500, 5_000_000_000].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "1.2 kB",
      "12.3 kB",
      "999 kB",
      "1.0 MB",
      "5.0 GB",
    ]);
  });
  it("durations", () => {
    expect([0, 59.6, 200, 7500, 100_000].map(duration)).toEqual([
      "0 s",
      "1 min 00 s",
      "3 min 20 s",
      "2 h 05 min",
      "1 d 3 h",
    ]);
    expect(duration(null)).toBe("–");
  });
  it("walltimes as Slurm writes them", () => {
    expect([60, 14_400, 86_400].map(walltime)).toEqual(["00:01:00", "04:00:00", "1-00:00:00"]);
  });
  it("numbers with few digits", () => {
    expect([0, 5.8371, 1234.5, -7288.61, 0.00001234, 123_456_789].map((v) => number(v))).toEqual([
      "0",
      "5.84",
      "1,235",
      "-7,289",
      "1.23e-5",
      "1.23e+8",
    ]);
    expect(number(NaN)).toBe("–");
  });
  it("times gone by", () => {
    const now = Date.parse("2026-11-22T12:00:00Z");
    expect(ago("2026-11-22T11:59:48Z", now)).toBe("12 s ago");
    expect(ago("2026-11-22T10:00:00Z", now)).toBe("2 h ago");
    expect(ago(null, now)).toBe("–");
  });
});

describe("addresses", () => {
  it("find their page", () => {
    expect(place("/")).toEqual({ page: "jobs", params: {} });
    expect(place("/jobs/a%20b_1/live/")).toEqual({ page: "job", params: { id: "a b_1", tab: "live" } });
    expect(place("/jobs/%E0%A4%A").page).toBe("missing");
    expect(place("/nothing/here/at/all").page).toBe("missing");
  });
});

describe("the list of jobs", () => {
  it("every state is in exactly one group of the filter", () => {
    expect(FACETS.flatMap((facet) => facet.states).sort()).toEqual([...ALL_STATES].sort());
  });
  it("the filter is read from the address, whatever stands there", () => {
    const filter = filterFrom(new URLSearchParams("show=completed,nonsense&sort=-password&search=x"));
    const rest = { cluster: "", template: "", since: "", sort: "-created_at" };
    expect(filter).toEqual({ ...rest, status: ["COMPLETED"], search: "x" });
  });
  it("facets switch on and off", () => {
    expect(toggled("", "running")).toBe("running");
    expect(toggled("running", "prepared")).toBe("prepared,running");
    expect(toggled("prepared,running", "running")).toBe("prepared");
  });
  it("columns sort one way, then the other; dates newest first", () => {
    expect(nextSort("-created_at", "name")).toBe("name");
    expect(nextSort("name", "name")).toBe("-name");
    expect(nextSort("name", "submitted_at")).toBe("-submitted_at");
  });
  it("only rows near the view are in the page", () => {
    expect(visibleRows(0, 360, 36, 10_000, 2)).toEqual({ first: 0, end: 12 });
    expect(visibleRows(36_000, 360, 36, 10_000, 2)).toEqual({ first: 998, end: 1012 });
    expect(visibleRows(1e9, 360, 36, 10, 2)).toEqual({ first: 10, end: 10 });
    expect(pagesOf({ first: 190, end: 210 }, 200)).toEqual([0, 1]);
    expect(pagesOf({ first: 0, end: 0 }, 200)).toEqual([0]);
    expect(pagesOf({ first: 200, end: 400 }, 200)).toEqual([1]);
  });
  it("Shift selects everything since the last click", () => {
    const ids = ["a", "b", undefined, "d"];
    expect([...select(new Set(), ids, 0, null, true)]).toEqual(["a"]);
    expect([...select(new Set(["a"]), ids, 3, 0, true)]).toEqual(["a", "b", "d"]);
    expect([...select(new Set(["a"]), ids, 0, null, false)]).toEqual([]);
  });
  it("progress stays between nothing and everything", () => {
    expect(fraction({ status: "RUNNING", progress: { step: 50, target_step: 200 } })).toBe(0.25);
    expect(fraction({ status: "RUNNING", progress: { step: 500, target_step: 200 } })).toBe(1);
    expect(fraction({ status: "RUNNING", progress: { step: 5, target_step: null } })).toBeNull();
  });
  it("a job without an end runs until now, an ended one does not", () => {
    const now = Date.parse("2026-11-22T12:00:00Z");
    const started_at = "2026-11-22T11:00:00Z";
    expect(elapsed({ status: "RUNNING", started_at, ended_at: null }, now)).toBe(3600);
    expect(elapsed({ status: "COMPLETED", started_at, ended_at: "2026-11-22T11:30:00Z" }, now)).toBe(1800);
    expect(elapsed({ status: "FAILED", started_at, ended_at: null }, now)).toBeNull();
  });
});

describe("a growing log", () => {
  it("puts lines together that arrive in parts", () => {
    const log = new LogBuffer().add("one\ntw", 0, 6).add("o\nthree\n", 6, 14).add("", 14, 14);
    expect(log.lines).toEqual(["one", "two", "three"]);
    expect(log.add("four\n", 14, 19).lines).toEqual(["one", "two", "three", "four"]);
  });
  it("begins anew where the parts do not meet", () => {
    const log = new LogBuffer().add("one\n", 0, 4).add("later\n", 100, 106);
    expect(log.lines).toEqual(["later"]);
    expect(log.start).toBe(100);
  });
  it("finds and marks lines", () => {
    const lines = ["Info: start", "FATAL ERROR: no such atom", "info: end"];
    expect(matches(lines, "INFO")).toEqual([0, 2]);
    expect([...markedLines(lines, [{ excerpt: "FATAL ERROR: no such atom\n" }])]).toEqual([1]);
    expect(markedLines(lines, [{ excerpt: "" }]).size).toBe(0);
  });
});

it("whatever the server answers becomes an error with a sentence", () => {
  expect(problem({ code: "not-connected", message: "No.", remedy: "Connect.", retryable: true }, 409)).toMatchObject({
    code: "not-connected",
    message: "No.",
    remedy: "Connect.",
    retryable: true,
  });
  expect(problem("<html>", 502)).toMatchObject({ code: "http-502", retryable: false });
  expect(problem(null, 500).message).toContain("500");
});
