// Runs before first paint, so that the page never flashes in the other theme. A file of its own: the CSP allows no inline script.
try {
  const theme = localStorage.getItem("keelway-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme holds.
}
