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
      const typed = field.value.trim();
      if (!/[^@]@[^@]/.test(typed)) return;
      try {
        localStorage.setItem(key, typed);
      } catch {
        // A browser that keeps nothing.
      }
    });
  }
})();
