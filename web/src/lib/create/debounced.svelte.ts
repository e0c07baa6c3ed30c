/** A value that follows another one once it has been left alone for a while. Values are compared as JSON. */
export function debounced<T>(get: () => T, ms: number): { readonly current: T } {
  let current = $state.raw(get());
  let text = JSON.stringify(current);
  $effect(() => {
    const next = JSON.stringify(get());
    if (next === text) return;
    const timer = setTimeout(() => {
      text = next;
      current = JSON.parse(next) as T;
    }, ms);
    return () => clearTimeout(timer);
  });
  return {
    get current() {
      return current;
    },
  };
}
