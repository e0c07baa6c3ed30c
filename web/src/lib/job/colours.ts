/** Colours of the theme for what is drawn by others than the browser's own styles. */

/** What a CSS variable comes to here and now, such as `rgb(11, 87, 208)`. */
export function resolve(host: HTMLElement, variable: string): string {
  const probe = host.appendChild(document.createElement("span"));
  probe.style.color = `var(${variable})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** `rgb(11, 87, 208)` as the number 0x0b57d0. */
export function asNumber(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return (Math.round(red) << 16) | (Math.round(green) << 8) | Math.round(blue);
}
