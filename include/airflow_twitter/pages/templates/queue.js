// The queue page: it renews itself while somebody looks at it, and sends what its buttons say to the HTTP API.
// Texts of posts come from the server, escaped, or are written as text; nothing here makes markup of them.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const EVERY_MS_MAX = 60000;
  const SAID_MS = 8000;
  const byId = (id) => document.getElementById(id);
  const ask = byId("ask");
  let timer;
  let reading = false;
  let again = false;
  let failures = 0;
  let asking = null;
  let sending = 0;

  // Renew the page -----------------------------------------------------------------------------------------------

  /** Make an element like another one, and keep what is the reader's: focus, what is typed in, what is opened up. */
  const renew = (old, fresh) => {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "aria-busy") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let here = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = child.id ? known.get(child.id) : here && !here.id && here.nodeName === child.nodeName ? here : null;
      if (!same) {
        old.insertBefore(document.importNode(child, true), here);
        continue;
      }
      if (same === here) here = here.nextSibling;
      else old.insertBefore(same, here);
      if (child.nodeType === Node.ELEMENT_NODE) renew(same, child);
      else if (same.nodeValue !== child.nodeValue) same.nodeValue = child.nodeValue;
    }
    while (here) {
      const gone = here;
      here = here.nextSibling;
      gone.remove();
    }
  };

  const show = (page) => {
    const focused = document.activeElement;
    for (const id of ["as-of", "main"]) renew(byId(id), page.getElementById(id));
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus();
  };

  const lost = (what, address) => {
    const banner = byId("lost");
    banner.textContent = what;
    banner.hidden = !what;
    if (address) {
      const link = document.createElement("a");
      link.href = address;
      link.textContent = "Go there";
      link.dataset.ui = "";
      banner.append(" ", link);
    }
  };

  const read = async () => {
    let answer;
    try {
      answer = await fetch("queue", { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    } catch {
      failures += 1;
      lost("No connection to Airflow. What you see may be old; it is tried again by itself.");
      return;
    }
    if (answer.status === 401 || answer.type === "opaqueredirect") {
      failures += 1;
      lost("You are logged out. What you see may be old: log in again.", "../");
    } else if (answer.status === 403) {
      failures += 1;
      lost("You have no right to see this any more.");
    } else if (!answer.ok) {
      failures += 1;
      lost(`Airflow answered with an error (${answer.status}). What you see may be old; it is tried again by itself.`);
    } else {
      const source = await answer.text();
      failures = 0;
      lost("");
      // What a button is about to change is read again once that is done.
      if (sending) return;
      show(new DOMParser().parseFromString(source, "text/html"));
    }
  };

  const next = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, Math.min(EVERY_MS * 2 ** failures, EVERY_MS_MAX));
  };

  const refresh = async () => {
    if (reading) {
      again = true;
      return;
    }
    clearTimeout(timer);
    reading = true;
    try {
      do {
        again = false;
        await read();
      } while (again);
    } finally {
      reading = false;
      next();
    }
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));

  // Send what a button says --------------------------------------------------------------------------------------

  let saidTimer;
  const say = (what, failed) => {
    const line = document.createElement("p");
    line.textContent = what;
    if (failed) line.className = "failed";
    byId("said").replaceChildren(line);
    clearTimeout(saidTimer);
    saidTimer = setTimeout(() => byId("said").replaceChildren(), SAID_MS);
  };

  const reason = (problem, status) => {
    if (typeof problem.detail === "string") return problem.detail;
    if (Array.isArray(problem.detail)) return problem.detail.map((each) => each.msg).join(" ");
    return problem.sentence || `Airflow answered with an error (${status}). Nothing was changed.`;
  };

  /** Send a request, and return what went wrong, "" for nothing. */
  const send = async (url, method, body) => {
    const headers = { "X-Requested-With": "fetch", Accept: "application/json" };
    if (body !== null) headers["Content-Type"] = "application/json";
    try {
      const answer = await fetch(url, { method, headers, body: body === null ? null : JSON.stringify(body) });
      if (answer.ok) return "";
      const problem = await answer.json().catch(() => ({}));
      return answer.status === 401 ? "You are logged out: log in again." : reason(problem, answer.status);
    } catch {
      return "No connection to Airflow. Look whether it was done before you try it again.";
    }
  };

  const act = async (order, body) => {
    const button = byId(order.id);
    if (button?.getAttribute("aria-busy") === "true") return "";
    button?.setAttribute("aria-busy", "true");
    sending += 1;
    const wrong = await send(order.url, order.method, body);
    sending -= 1;
    byId(order.id)?.removeAttribute("aria-busy");
    refresh();
    return wrong;
  };

  const open = (order) => {
    asking = order;
    byId("ask-title").textContent = order.ask;
    byId("ask-why").textContent = order.why;
    byId("ask-label").textContent = order.fieldLabel || "";
    byId("ask-field").hidden = !order.field;
    byId("ask-field").value = order.value || "";
    byId("ask-field").rows = order.field === "text" ? 6 : 1;
    byId("ask-yes").textContent = order.yes;
    byId("ask-wrong").textContent = "";
    ask.showModal();
    (order.field ? byId("ask-field") : byId("ask-no")).focus();
  };

  const answer = async () => {
    const order = asking;
    const body = order.field ? { [order.field]: byId("ask-field").value.trim() || null } : order.body;
    const wrong = await act(order, body);
    if (asking !== order) return;
    if (wrong) byId("ask-wrong").textContent = wrong;
    else {
      ask.close();
      say("Done.");
    }
  };

  byId("ask-yes").addEventListener("click", answer);
  byId("ask-no").addEventListener("click", () => ask.close());
  ask.addEventListener("close", () => {
    const button = asking && byId(asking.id);
    asking = null;
    button?.focus();
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-url]");
    if (!button || button.disabled) return;
    const order = { id: button.id, ...button.dataset, body: JSON.parse(button.dataset.body || "null") };
    if (order.ask) {
      open(order);
      return;
    }
    if (order.linkOf) order.body = { link: byId(order.linkOf).value.trim() || null };
    const wrong = await act(order, order.body);
    say(wrong || "Done.", Boolean(wrong));
  });

  next();
})();
