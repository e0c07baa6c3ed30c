/** Where the results of several jobs go on this computer, and which of them. */

export const patternsOf = (text: string): string[] => text.trim().split(/\s+/).filter(Boolean);

/** The job's own folder below the one that was typed. */
export function folderOf(folder: string, id: string): string {
  const root = folder.trim().replace(/[/\\]+$/, "");
  return `${root}${/^[A-Za-z]:\\|\\\\/.test(root) ? "\\" : "/"}${id}`;
}
