/** The settings as a form: what was typed, what of it differs, and what a field shows. */
import type { components } from "$lib/api/schema";

export type Setting = components["schemas"]["SettingDocument"];
export type SettingValue = string | number | boolean | null;

/** What the field of a setting shows while nothing was typed. */
export const shownValue = (setting: Setting): string =>
  setting.set && setting.value !== null && setting.value !== undefined ? String(setting.value) : "";

/** What has to be sent: an emptied field goes back to the default. */
export function changesOf(settings: Setting[], typed: Record<string, string | boolean>): Record<string, SettingValue> {
  const changes: Record<string, SettingValue> = {};
  for (const setting of settings) {
    const given = typed[setting.key];
    if (given === undefined) continue;
    if (typeof given === "boolean") {
      if (given !== setting.value) changes[setting.key] = given;
    } else if (given.trim() !== shownValue(setting)) {
      changes[setting.key] = given.trim() === "" ? null : given.trim();
    }
  }
  return changes;
}

/** Range and default in words, after the help. */
export function rangeOf({ minimum, maximum, unit, default: standard, type }: Setting): string {
  const parts = [];
  if (minimum !== null && minimum !== undefined && maximum !== null && maximum !== undefined)
    parts.push(`${minimum} to ${maximum}${unit ? ` ${unit}` : ""}`);
  if (standard !== null && standard !== undefined && type !== "boolean" && type !== "choice")
    parts.push(`default ${standard}`);
  return parts.join(", ");
}
