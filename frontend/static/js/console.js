// Parts of a page refresh themselves; while somebody is asked to confirm something, they wait.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.querySelector(":popover-open")) event.preventDefault();
});
