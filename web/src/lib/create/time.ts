/** Times as people enter them, and the steps they come to: as the server counts them, shown while typing. */
import type { Variable } from "$lib/api/types";
import { count, number } from "$lib/format";
import { effective, type Values } from "./variables";

const UNITS: Record<string, number> = { fs: 1, ps: 1e3, ns: 1e6, us: 1e9 };
export const TIME_UNITS = ["fs", "ps", "ns", "us", "steps"] as const;
const NUMBER = /^\s*((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(fs|ps|ns|us|µs|μs|steps?)\s*$/;

export interface Quantity {
  amount: string;
  unit: string;
}

export function splitTime(text: string): Quantity | null {
  const match = NUMBER.exec(text);
  if (!match) return null;
  const unit = (match[2] ?? "").replace(/^[µμ]s$/, "us").replace(/^step$/, "steps");
  return { amount: match[1] ?? "", unit };
}

/** Femtoseconds; null for steps and for what is no time. */
export function femtoseconds(text: string): number | null {
  const found = splitTime(text);
  if (!found || found.unit === "steps") return null;
  return Number(found.amount) * (UNITS[found.unit] ?? 1);
}

export function timeWords(fs: number): string {
  const unit = (["us", "ns", "ps"] as const).find((name) => fs >= (UNITS[name] ?? 1)) ?? "fs";
  return `${number(fs / (UNITS[unit] ?? 1), 6)} ${unit}`;
}

/** Steps of the time, up to whole cycles; null for what is no time. */
export function stepsOf(text: string, timestepFs: number, cycle: number): number | null {
  const found = splitTime(text);
  if (!found || !(timestepFs > 0) || !(cycle >= 1)) return null;
  const fs = femtoseconds(text);
  const steps = fs === null ? Number(found.amount) : fs / timestepFs;
  // Binary fractions: 5 ns of 2 fs must not become a cycle more.
  return Math.ceil(Number((steps / cycle).toPrecision(12))) * cycle;
}

/** `2,500,000 steps of 2 fs, 5 ns`; says so where it was rounded up. Empty for what is no time. */
export function stepsWords(text: string, timestepFs: number, cycle: number): string {
  const steps = stepsOf(text, timestepFs, cycle);
  if (steps === null) return "";
  const asked = femtoseconds(text) ?? Number(splitTime(text)?.amount) * timestepFs;
  const real = steps * timestepFs;
  const rounded = Math.abs(real - asked) > 1e-6 * real ? ", rounded up to whole cycles" : "";
  return `${count(steps)} steps of ${number(timestepFs)} fs = ${timeWords(real)}${rounded}`;
}

/** Timestep (fs) and steps per cycle as the template's own lines set them, else what NAMD assumes. */
export function clockOf(text: string, variables: Variable[], values: Values): { timestepFs: number; cycle: number } {
  const setting = (keyword: string, standard: number): number => {
    const line = new RegExp(`^[ \\t]*${keyword}[ \\t=]+(?:\\{\\{-?\\s*(\\w+)\\s*-?\\}\\}|([\\d.]+))`, "im").exec(text);
    const variable = variables.find(({ name }) => name === line?.[1]);
    const value = Number(variable ? effective(variable, values) : line?.[2]);
    return value > 0 ? value : standard;
  };
  return { timestepFs: setting("timestep", 1), cycle: Math.floor(setting("stepspercycle", 20)) };
}
