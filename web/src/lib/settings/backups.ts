/** The moment a backup was made, from its name; null for one that was named by hand. */
export function backupMoment(path: string): string | null {
  const found = /(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(?:\.\d+)?Z/.exec(path);
  if (!found) return null;
  const [, year, month, day, hour, minute, second] = found;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
