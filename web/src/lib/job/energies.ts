/** Energies as the charts need them: an overview of the whole run, and all that there is of the part looked at. */
import type { Energies, Performance } from "$lib/api/types";
import { STEP } from "./chart";

/** Rows asked for at once: more than a screen has pixels, and few enough to be drawn many times a second. */
export const POINTS = 4000;

export interface Range {
  min: number;
  max: number;
}

export interface Rows {
  after: number;
  until: number;
}

/** What the server tells while a job runs. */
export interface EnergiesEvent {
  id: string;
  columns: string[];
  rows: (number | null)[][];
  new_rows: number;
  anew: boolean;
}

/** With the rows that came in; null where only loading anew helps. */
export function patchEnergies(data: Energies | undefined, event: EnergiesEvent): Energies | null | undefined {
  if (!data) return undefined;
  if (event.anew || data.columns.join() !== event.columns.join()) return null;
  const last = data.rows.at(-1)?.[0] ?? -Infinity;
  const fresh = event.rows.filter(([step]) => step != null && step > last);
  if (!fresh.length) return data;
  // It was thinned for its length then: half as much again is time to thin it anew.
  if (data.rows.length + fresh.length > 1.5 * POINTS) return null;
  const { lowest, highest } = data;
  return {
    ...data,
    rows: [...data.rows, ...fresh],
    ...(lowest && highest ? { lowest: [...lowest, ...fresh], highest: [...highest, ...fresh] } : {}),
    total_rows: data.total_rows + event.new_rows,
  };
}

export const isThinned = (data: Energies) => data.total_rows > data.rows.length;

/** The rows around a range of steps: with as much on both sides, in round numbers, so that moving asks for little. */
export function rowsFor(data: Energies, { min, max }: Range): Rows {
  const { rows, total_rows: total } = data;
  const perPoint = total / Math.max(1, rows.length);
  const first = firstAtLeast(rows, min) * perPoint;
  const last = firstAtLeast(rows, max) * perPoint;
  const width = Math.max(last - first, POINTS / 8);
  const grid = 2 ** Math.ceil(Math.log2(width));
  const after = Math.max(0, Math.floor(first / grid - 0.5) * grid);
  return { after, until: Math.min(total, Math.ceil(last / grid + 0.5) * grid) };
}

function firstAtLeast(rows: (number | null)[][], step: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.[0] ?? 0) < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function stepsOf({ rows }: Energies): Range | null {
  const [min, max] = [rows[0]?.[0], rows.at(-1)?.[0]];
  return min != null && max != null && max > min ? { min, max } : null;
}

/** Does the part hold all that the range shows? */
export function covers(part: Energies | undefined, range: Range, whole: Range): boolean {
  const has = part && stepsOf(part);
  return Boolean(has && has.min <= Math.max(range.min, whole.min) && has.max >= Math.min(range.max, whole.max));
}

/** Moved by a part of its width, or made wider by a factor about `at`; never beyond the whole. Null: all of it. */
export function moved(range: Range | null, whole: Range, by: number): Range | null {
  if (!range) return null;
  const width = range.max - range.min;
  const min = Math.min(Math.max(range.min + by * width, whole.min), whole.max - width);
  return { min, max: min + width };
}

export function zoomed(range: Range | null, whole: Range, factor: number, at?: number): Range | null {
  const { min, max } = range ?? whole;
  const middle = at ?? (min + max) / 2;
  const next = { min: middle - (middle - min) * factor, max: middle + (max - middle) * factor };
  const bounded = { min: Math.max(next.min, whole.min), max: Math.min(next.max, whole.max) };
  if (bounded.max - bounded.min >= (whole.max - whole.min) * 0.999) return null;
  return bounded.max - bounded.min < 1 ? range : bounded;
}

export const DENSITY = "DENSITY";
/** One atomic mass unit per cubic angstrom in g/cm3. */
const U_PER_A3 = 1.6605390666;

/** With the density in g/cm3, where volume and mass are known. */
export function withDensity(data: Energies, mass: number | null | undefined): Energies {
  const volume = data.columns.indexOf("VOLUME");
  if (!mass || volume < 0) return data;
  const add = (rows: (number | null)[][], from: (number | null)[][] = rows) =>
    rows.map((row, index) => {
      const size = from[index]?.[volume];
      return [...row, size ? (mass * U_PER_A3) / size : null];
    });
  const { rows, lowest, highest } = data;
  return {
    ...data,
    columns: [...data.columns, DENSITY],
    rows: add(rows),
    ...(lowest && highest ? { lowest: add(lowest, highest), highest: add(highest, lowest) } : {}),
  };
}

export const SPEED = "ns/day";

export function speedRows({ steps, ns_per_day }: Performance): Energies {
  return {
    columns: [STEP, SPEED],
    rows: steps.map((step, index) => [step, ns_per_day[index] ?? null]),
    total_rows: steps.length,
    complete: true,
  };
}
