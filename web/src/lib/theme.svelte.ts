export type Theme = "system" | "light" | "dark";

const KEY = "namdrunner.theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

class ThemeChoice {
  chosen = $state<Theme>(stored());
  #standard: Theme = "system";

  /** The theme of the settings, for a browser that chose none. */
  standard(theme: Theme): void {
    this.#standard = theme;
    if (this.chosen === "system") this.#show(theme);
  }

  #show(theme: Theme): void {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  set(theme: Theme): void {
    this.chosen = theme;
    this.#show(theme === "system" ? this.#standard : theme);
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // It then lasts as long as the page does.
    }
  }
}

export const theme = new ThemeChoice();
