// Before the first paint, so that a chosen theme does not flash; the security policy allows no inline script.
try {
  const theme = localStorage.getItem("namdrunner.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is used.
}
