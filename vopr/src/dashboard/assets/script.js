// What a page can do beyond being read: it changes while a campaign runs, filters its tables, and copies commands.
"use strict";

// The overview: each part is replaced only when it has changed, and not under the reader's hands.
const live = document.getElementById("live");
if (live) {
  const connection = document.getElementById("connection");
  const say = (text) => { connection.textContent = text; connection.hidden = !text; };
  const events = new EventSource("/events");
  events.onmessage = (event) => {
    say("live");
    const next = document.createElement("div");
    next.innerHTML = event.data;
    if (live.childElementCount !== next.childElementCount) {
      live.replaceChildren(...next.childNodes);
      return;
    }
    const fresh = [...next.children];
    [...live.children].forEach((part, index) => {
      const busy = part.contains(document.activeElement);
      if (part.outerHTML !== fresh[index].outerHTML && !busy) part.replaceWith(fresh[index]);
    });
  };
  events.onopen = () => say("live");
  events.onerror = () => say("no connection to vopr dashboard; trying again");
}

// Rows that do not contain what is typed are hidden, and sections without rows.
const filter = document.getElementById("filter");
if (filter) {
  filter.closest(".filter").hidden = false;
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const section of document.querySelectorAll("[data-filtered]")) {
      let left = 0;
      const heading = section.querySelector("h2").textContent.toLowerCase();
      for (const row of section.querySelectorAll("tbody tr")) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted) && !heading.includes(wanted);
        left += row.hidden ? 0 : 1;
      }
      section.hidden = left === 0;
    }
  });
}

for (const command of document.querySelectorAll(".command")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  command.append(button);
}
