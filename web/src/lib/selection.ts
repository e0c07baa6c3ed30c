/** What a click on a row's box selects: it alone, or with Shift everything since the last click. */
export function select(
  selected: ReadonlySet<string>,
  ids: readonly (string | undefined)[],
  index: number,
  anchor: number | null,
  range: boolean,
): Set<string> {
  const next = new Set(selected);
  const id = ids[index];
  if (id === undefined) return next;
  if (!range || anchor === null) {
    if (!next.delete(id)) next.add(id);
    return next;
  }
  for (let i = Math.min(anchor, index); i <= Math.max(anchor, index); i++) {
    const between = ids[i];
    if (between !== undefined) next.add(between);
  }
  return next;
}
