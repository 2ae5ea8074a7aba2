"use strict";
// Leads from the former address of a comment, the page with #comment-ID, to the page that shows it.
// A server is never told what follows the #.
(() => {
  const lead = () => {
    const id = /^#comment-([0-9A-Z]{26})$/.exec(location.hash)?.[1];
    if (!id || location.search || document.getElementById(`comment-${id}`)) return;
    if (document.referrer === location.href.split("#")[0]) return; // led here by this, in vain
    location.replace(`${location.pathname.replace(/\/?$/, "/")}comments/${id}/`);
  };
  lead();
  addEventListener("hashchange", lead);
})();
