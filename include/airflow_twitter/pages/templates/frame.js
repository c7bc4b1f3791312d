// Airflow's UI shows the page in a sandboxed frame. There the page takes on the UI's theme, and hands its links
// to the UI's own router: a sandboxed frame may not take the window around it to another address. Opened on its
// own, the page needs none of this.
"use strict";
(() => {
  if (window.parent === window) return;
  const ui = window.parent;
  let outside;
  try {
    outside = ui.document.documentElement;
  } catch {
    return; // framed by something of another origin
  }
  const follow = () => {
    document.documentElement.dataset.theme = outside.classList.contains("dark") ? "dark" : "light";
  };
  follow();
  new MutationObserver(follow).observe(outside, { attributes: true, attributeFilter: ["class"] });
  // Nor may it open windows: a link in the UI's own document does.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-out]");
    if (!link) return;
    event.preventDefault();
    const outer = ui.document.createElement("a");
    Object.assign(outer, { href: link.href, target: "_blank", rel: "noopener noreferrer" });
    outer.click();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-ui]");
    if (!link) return;
    event.preventDefault();
    ui.history.pushState(null, "", link.href);
    ui.dispatchEvent(new PopStateEvent("popstate", { state: null }));
  });
})();
