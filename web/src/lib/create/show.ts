/** Go to a field of the form, on whichever step it is, and put the keyboard there. */
import { router } from "$lib/router.svelte";

const PATIENCE_MS = 3000;

export async function showField(step: string, field: string): Promise<void> {
  router.go(step);
  // The step is drawn once its data is there.
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const element = document.getElementById(field);
    if (!element) continue;
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
    return;
  }
}
