import { describe, expect, it } from "vitest";
import type { Energies } from "$lib/api/types";
import { covers, isThinned, moved, patchEnergies, POINTS, rowsFor, speedRows, withDensity, zoomed } from "./energies";

const energies = (rows: (number | null)[][], total = rows.length): Energies => ({
  columns: ["TS", "TOTAL"],
  rows,
  total_rows: total,
  complete: false,
});

const event = (rows: (number | null)[][], change = {}) => ({
  id: "job",
  columns: ["TS", "TOTAL"],
  rows,
  new_rows: rows.length,
  anew: false,
  ...change,
});

describe("rows that come in", () => {
  it("are added once, however often they are told", () => {
    const data = energies([[0, 1]]);
    const once = patchEnergies(data, event([[100, 2]])) as Energies;
    const twice = patchEnergies(once, event([[100, 2], [200, 3]])) as Energies; // prettier-ignore
    expect(twice.rows).toEqual([[0, 1], [100, 2], [200, 3]]); // prettier-ignore
    expect(patchEnergies(twice, event([[100, 2]]))).toBe(twice);
  });

  it("are their own limits where the others are means", () => {
    const data = { ...energies([[0, 1]], 10), lowest: [[0, 0]], highest: [[0, 2]] };
    expect(patchEnergies(data, event([[100, 5]]))).toMatchObject({
      rows: [[0, 1], [100, 5]], // prettier-ignore
      lowest: [[0, 0], [100, 5]], // prettier-ignore
      highest: [[0, 2], [100, 5]], // prettier-ignore
    });
  });

  it("are loaded anew where a log begins again, has other columns, or has become too long", () => {
    const data = energies([[0, 1]]);
    expect(patchEnergies(data, event([[0, 1]], { anew: true }))).toBeNull();
    expect(patchEnergies(data, event([[1, 1]], { columns: ["TS", "BOND"] }))).toBeNull();
    const long = energies(Array.from({ length: 1.5 * POINTS }, (_, i) => [i, 0]));
    expect(patchEnergies(long, event([[1e9, 1]]))).toBeNull();
    expect(patchEnergies(undefined, event([[0, 1]]))).toBeUndefined();
  });
});

describe("a part of a long run", () => {
  const rows = Array.from({ length: POINTS }, (_, i) => [i * 2500, 0]);
  const data = energies(rows, 100_000); // ten million steps, 25 rows a point
  const whole = { min: 0, max: (POINTS - 1) * 2500 };

  it("is asked for with what lies beside it", () => {
    const { after, until } = rowsFor(data, { min: 5e6, max: 5.2e6 });
    expect(isThinned(data)).toBe(true);
    expect(after).toBeLessThan(50_000);
    expect(until).toBeGreaterThan(52_000);
    expect(until - after).toBeLessThan(10_000);
    expect(rowsFor(data, { min: 5.001e6, max: 5.201e6 })).toEqual({ after, until });
  });

  it("never reaches beyond the run", () => {
    expect(rowsFor(data, { min: -1e9, max: 1e9 })).toEqual({ after: 0, until: 100_000 });
  });

  it("is used only where it holds all that is looked at", () => {
    const part = energies([[4e6, 0], [6e6, 0]]); // prettier-ignore
    expect(covers(part, { min: 4.5e6, max: 5e6 }, whole)).toBe(true);
    expect(covers(part, { min: 3e6, max: 5e6 }, whole)).toBe(false);
    expect(covers(undefined, { min: 0, max: 1 }, whole)).toBe(false);
  });

  it("moves and grows within the run", () => {
    expect(moved({ min: 100, max: 200 }, { min: 0, max: 1000 }, -5)).toEqual({ min: 0, max: 100 });
    expect(moved({ min: 100, max: 200 }, { min: 0, max: 1000 }, 0.5)).toEqual({ min: 150, max: 250 });
    expect(moved(null, whole, 1)).toBeNull();
    expect(zoomed(null, { min: 0, max: 1000 }, 0.5)).toEqual({ min: 250, max: 750 });
    expect(zoomed({ min: 250, max: 750 }, { min: 0, max: 1000 }, 2)).toBeNull();
    expect(zoomed({ min: 10, max: 11 }, { min: 0, max: 1000 }, 0.1)).toEqual({ min: 10, max: 11 });
  });
});

it("knows the density of water from its mass and volume", () => {
  const water = { ...energies([[0, 29_915]]), columns: ["TS", "VOLUME"] };
  expect(withDensity(water, 18_015.4).rows[0]?.[2]).toBeCloseTo(1, 3); // a thousand molecules
  expect(withDensity(water, null)).toBe(water);
});

it("draws the speed like the energies", () => {
  expect(speedRows({ steps: [10, 20], ns_per_day: [1, 2] }).rows).toEqual([[10, 1], [20, 2]]); // prettier-ignore
});
