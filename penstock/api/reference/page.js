// Search by any words of an operation, and a mark in the list beside for the one in sight. The page works without.
const search = document.getElementById("search");
const entries = [...document.querySelectorAll("aside li a")].map((link) => {
  const section = document.querySelector(link.hash);
  const told = section.querySelector("h3").textContent + " " + section.id + " " + link.textContent;
  return { link, section, text: told.toLowerCase() };
});

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { link, section, text } of entries) {
    const isShown = words.every((word) => text.includes(word));
    link.parentElement.hidden = section.hidden = !isShown;
  }
  for (const group of document.querySelectorAll("aside nav")) {
    const isEmpty = !group.querySelector("li:not([hidden])");
    group.hidden = document.querySelector(group.querySelector("a").hash).hidden = isEmpty;
  }
}

search.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
  if (event.key === "Enter" && document.activeElement === search) {
    entries.find(({ section }) => !section.hidden)?.link.click();
  }
});

const seen = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) {
      if (!isIntersecting) continue;
      for (const { link, section } of entries) link.classList.toggle("here", section === target);
    }
  },
  { rootMargin: "0px 0px -80% 0px" },
);
for (const { section } of entries) seen.observe(section);

// Examples name the address at which this page was asked for.
for (const example of document.querySelectorAll("pre")) {
  example.textContent = example.textContent.replace("http://127.0.0.1:8280", location.origin);
}
