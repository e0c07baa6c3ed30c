/** How a chart is steered by the mouse: drag to look closer, Shift and drag to move, the wheel with Ctrl to zoom. */
import type uPlot from "uplot";
import type { Range } from "./energies";

export interface Steering {
  onrange: (range: Range | null) => void;
  zoom: (factor: number, at: number) => void;
  /** By a part of what is shown. */
  pan: (by: number) => void;
}

/** Gives back what takes it off again. */
export function steer(plot: uPlot, { onrange, zoom, pan }: Steering): () => void {
  const over = plot.over;
  const width = () => Math.max(1, over.clientWidth);

  let from: number | null = null;
  let pending = 0;
  let frame = 0;

  const down = (event: MouseEvent) => {
    if (!event.shiftKey && event.button !== 1) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    from = event.clientX;
  };
  const move = (event: MouseEvent) => {
    if (from === null) return;
    pending += (from - event.clientX) / width();
    from = event.clientX;
    // At most once a picture, however often the mouse says something.
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      pan(pending);
      pending = 0;
    });
  };
  const up = () => (from = null);
  const wheel = (event: WheelEvent) => {
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!event.ctrlKey && !sideways && !event.shiftKey) return; // the page scrolls
    event.preventDefault();
    if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, plot.posToVal(event.offsetX, "x"));
    else pan((sideways ? event.deltaX : event.deltaY) / width());
  };
  const all = () => onrange(null);

  over.addEventListener("mousedown", down, { capture: true });
  over.addEventListener("wheel", wheel, { passive: false });
  over.addEventListener("dblclick", all);
  addEventListener("mousemove", move);
  addEventListener("mouseup", up);
  (plot.hooks.setSelect ??= []).push(() => {
    const { left, width: chosen } = plot.select;
    if (chosen < 4 || !over.matches(":hover")) return; // a click, or the chart beside repeats it
    onrange({ min: plot.posToVal(left, "x"), max: plot.posToVal(left + chosen, "x") });
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  });
  return () => {
    cancelAnimationFrame(frame);
    removeEventListener("mousemove", move);
    removeEventListener("mouseup", up);
  };
}
