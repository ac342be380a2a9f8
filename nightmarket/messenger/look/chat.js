// Presses without loading the page anew, and looks for what is new. Words of others are only ever
// put in as HTML that the server has escaped, or as text.
"use strict";
const EVERY_MS = 900, TOAST_MS = 4000;
const list = document.getElementById("messages"), toast = document.getElementById("toast");
let fading = 0;

function tell(words, box) {
  if (!words) return;
  toast.textContent = words;
  toast.className = box ? "shown box" : "shown";
  clearTimeout(fading);
  fading = setTimeout(() => { toast.className = ""; }, TOAST_MS);
}

function atEnd() {
  return window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
}

async function look() {
  const who = new URLSearchParams(location.search).get("as") || "";
  const asked = new URLSearchParams({ as: who, before: list.dataset.before, version: list.dataset.version });
  const answer = await fetch(`/chat/${list.dataset.chat}/news?${asked}`);
  if (!answer.ok) return;
  const news = await answer.json();
  for (const [chat, count] of Object.entries(news.counts)) {
    const row = document.querySelector(`nav a[data-chat="${chat}"]`);
    const badge = row && row.querySelector("i");
    if (badge && badge.textContent !== String(count)) {
      badge.textContent = count;
      if (!row.classList.contains("here")) row.classList.add("news");
    }
  }
  const counted = document.querySelector(".counted");
  if (counted) counted.textContent = news.counted;
  if (news.html === null) return;
  const follow = atEnd();
  list.innerHTML = news.html;
  list.dataset.version = news.version;
  if (follow) window.scrollTo(0, document.body.scrollHeight);
}

async function send(form, body) {
  const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
  if (!answer.ok) { tell(await answer.text(), true); return; }
  const told = await answer.json();
  tell(told.said, told.box);
  await look();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  const body = new FormData(form);
  if (event.submitter && event.submitter.name) body.set(event.submitter.name, event.submitter.value);
  if (event.submitter) event.submitter.disabled = true;
  try {
    await send(form, body);
    if (form.id === "say") { form.elements.text.value = ""; form.elements.picture.value = ""; }
  } catch { tell("the server does not answer", true); }
  finally { if (event.submitter) event.submitter.disabled = false; }
});

const who = document.querySelector("#say select");
if (who) {
  who.addEventListener("change", () => {
    const here = new URL(location.href);
    here.searchParams.set("as", who.value);
    location.replace(here);
  });
}

async function forever() {
  try { await look(); } catch { tell("the chat is closed", false); }
  setTimeout(forever, EVERY_MS);
}

if (!document.body.classList.contains("bare")) {
  window.scrollTo(0, document.body.scrollHeight);
  setTimeout(forever, EVERY_MS);
}
