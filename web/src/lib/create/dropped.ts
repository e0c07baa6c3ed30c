/** Files of a drop or of a chooser, folders walked through, with their paths below what was dropped. */
export interface Incoming {
  file: File;
  path: string;
}

const MAX_FILES = 2000;

export const fromChooser = (files: FileList | null): Incoming[] =>
  Array.from(files ?? [], (file) => ({ file, path: file.webkitRelativePath || file.name }));

export async function fromDrop(transfer: DataTransfer | null): Promise<Incoming[]> {
  // Entries have to be asked for before the first wait: the browser forgets them afterwards.
  const entries = Array.from(transfer?.items ?? [], (item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) {
    return Array.from(transfer?.files ?? [], (file) => ({ file, path: file.name }));
  }
  const found: Incoming[] = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

async function walk(entry: FileSystemEntry, found: Incoming[]): Promise<void> {
  if (found.length >= MAX_FILES) return;
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (!part.length) return;
    for (const inner of part) await walk(inner, found);
  }
}
