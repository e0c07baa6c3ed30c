/** Which rows of a long list of equally high rows have to be in the page. */
export interface Window {
  first: number;
  /** One past the last. */
  end: number;
}

export function visibleRows(scrollTop: number, height: number, rowHeight: number, total: number, extra = 8): Window {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - extra);
  const end = Math.min(total, Math.ceil((scrollTop + height) / rowHeight) + extra);
  return { first: Math.min(first, end), end };
}

/** The pages that hold these rows. */
export function pagesOf({ first, end }: Window, pageSize: number): number[] {
  const from = Math.floor(first / pageSize);
  const to = Math.max(from, Math.floor(Math.max(first, end - 1) / pageSize));
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
