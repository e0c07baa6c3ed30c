/** A chart as a picture for a talk or a paper: on the page's ground, with its title and what each line is. */
import { resolve } from "./colours";

const HEAD = 34;

export function picture(
  chart: HTMLCanvasElement,
  title: string,
  columns: { name: string; colour: string }[],
): HTMLCanvasElement {
  const scale = chart.width / Math.max(1, chart.clientWidth);
  const canvas = document.createElement("canvas");
  canvas.width = chart.width;
  canvas.height = chart.height + HEAD * scale;
  const context = canvas.getContext("2d");
  if (!context) return chart;
  context.fillStyle = resolve(document.body, "--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = `600 ${13 * scale}px system-ui`;
  context.fillStyle = resolve(document.body, "--text");
  context.fillText(title, 12 * scale, 21 * scale);
  let left = 24 * scale + context.measureText(title).width;
  context.font = `${12 * scale}px system-ui`;
  for (const { name, colour } of columns) {
    context.fillStyle = colour;
    context.fillRect(left, 11 * scale, 10 * scale, 10 * scale);
    context.fillStyle = resolve(document.body, "--text");
    context.fillText(name, left + 15 * scale, 21 * scale);
    left += 31 * scale + context.measureText(name).width;
  }
  context.drawImage(chart, 0, HEAD * scale);
  return canvas;
}
