import { describe, expect, it } from "vitest";
import { filterFrom, isFiltered, sinceOf } from "./filter";

describe("the date filter", () => {
  it("begins at midnight, so that it is the same all day", () => {
    const morning = new Date(2026, 10, 23, 8, 0);
    const evening = new Date(2026, 10, 23, 23, 59);
    expect(sinceOf("week", morning)).toBe(new Date(2026, 10, 16).toISOString());
    expect(sinceOf("week", evening)).toBe(sinceOf("week", morning));
    expect(sinceOf("today", evening)).toBe(new Date(2026, 10, 23).toISOString());
  });
  it("is nothing for an address that makes no sense", () => {
    expect(sinceOf("whenever")).toBe("");
    expect(isFiltered(filterFrom(new URLSearchParams("created=whenever")))).toBe(false);
    expect(isFiltered(filterFrom(new URLSearchParams("created=month")))).toBe(true);
  });
});
