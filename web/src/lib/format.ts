/** Numbers for people: always with their unit. */

export const NONE = "–";

export function bytes(value: number | null | undefined): string {
  if (value == null) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toPrecision(2 + (size >= 10 ? 1 : 0))} ${units[unit]}`;
}

/** `3 d 4 h`, `2 h 05 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  const total = Math.max(0, Math.round(seconds));
  const [d, h, m, s] = [
    Math.floor(total / 86400),
    Math.floor(total / 3600) % 24,
    Math.floor(total / 60) % 60,
    total % 60,
  ];
  const two = (value: number) => String(value).padStart(2, "0");
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${two(m)} min`;
  if (m) return `${m} min ${two(s)} s`;
  return `${s} s`;
}

/** As Slurm writes it: `04:00:00`, `1-00:00:00`. */
export function walltime(seconds: number | null | undefined): string {
  if (seconds == null) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const clock = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days ? `${days}-${clock}` : clock;
}

export function ago(moment: string | null | undefined, now: number): string {
  if (!moment) return NONE;
  const seconds = (now - Date.parse(moment)) / 1000;
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return dateTime(moment);
}

const local = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
const localSeconds = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** Local time, `2026-11-22 14:03`. */
export function dateTime(moment: string | null | undefined): string {
  return moment ? local.format(new Date(moment)) : NONE;
}

export function dateTimeSeconds(moment: string | null | undefined): string {
  return moment ? localSeconds.format(new Date(moment)) : NONE;
}

export function clockTime(moment: string): string {
  return localSeconds.format(new Date(moment)).slice(11);
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Whole numbers, grouped: `1,250,000`. */
export function count(value: number | null | undefined): string {
  return value == null ? NONE : grouped.format(value);
}

/** Three significant digits, without an exponent where it can be avoided. */
export function number(value: number | null | undefined, digits = 3): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(digits - 1);
  if (size >= 10 ** digits) return grouped.format(value);
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: digits }).format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
