"use strict";
// Remembers, in this browser alone, the account that a reader follows, replies and likes from.
// Forms work without it.
(() => {
  const key = "fedblog.handle";
  let known = "";
  try {
    known = localStorage.getItem(key) || "";
  } catch {
    return;
  }
  for (const form of document.querySelectorAll("form.interact")) {
    const field = form.elements.handle;
    if (!field.value) field.value = known;
    form.addEventListener("submit", () => {
      try {
        localStorage.setItem(key, field.value.trim());
      } catch {
        // A browser that keeps nothing.
      }
    });
  }
})();
