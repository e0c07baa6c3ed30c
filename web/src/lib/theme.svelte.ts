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

  set(theme: Theme): void {
    this.chosen = theme;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // It then lasts as long as the page does.
    }
  }
}

export const theme = new ThemeChoice();
