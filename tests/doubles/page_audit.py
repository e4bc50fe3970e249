"""What can be found wrong with a page by looking at it in a browser: an accessibility check."""

AUDIT = r"""
() => {
  const faults = [];
  const say = (rule, node) => faults.push(`${rule}: ${(node.outerHTML || "").slice(0, 120)}`);
  const shown = (node) => node.getClientRects().length > 0;

  if (!document.documentElement.lang) say("no language", document.documentElement);
  if (!document.title.trim()) say("no title", document.head);
  if (document.querySelectorAll("h1").length !== 1) say("not one h1", document.body);
  if (document.querySelectorAll("main").length !== 1) say("not one main", document.body);
  if (document.documentElement.scrollWidth > innerWidth) say("scrolls sideways", document.body);

  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  if (new Set(ids).size !== ids.length) say("an id comes twice", document.body);
  for (const node of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
    for (const name of ["aria-describedby", "aria-labelledby"])
      for (const id of (node.getAttribute(name) || "").split(/\s+/).filter(Boolean))
        if (!document.getElementById(id)) say(`${name} leads nowhere`, node);
  for (const node of document.querySelectorAll("[tabindex]"))
    if (node.tabIndex > 0) say("changes the order of focus", node);

  for (const input of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (input.getAttribute("aria-hidden")) continue;
    if (!input.labels.length && !input.getAttribute("aria-label")) say("no label", input);
    if (/email|password|code/.test(input.name) && !input.autocomplete)
      say("no autocomplete", input);
    if (shown(input) && input.type !== "radio" && parseFloat(getComputedStyle(input).fontSize) < 16)
      say("makes phones zoom", input);
  }
  for (const node of document.querySelectorAll("a[href], button, summary")) {
    const name = node.getAttribute("aria-label") || node.textContent;
    if (!name.trim()) say("no name", node);
    const box = node.getBoundingClientRect();
    if (shown(node) && box.height < 24 && getComputedStyle(node).display !== "inline")
      say("too low to be touched", node);
  }
  for (const image of document.images) {
    if (!image.hasAttribute("alt")) say("no alt", image);
    if (!image.complete || !image.naturalWidth) say("not loaded", image);
  }

  const read = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts[3] ?? 1 };
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => {
      const share = c / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const { rgb, alpha } = read(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(node) || node.closest("script")) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const is_large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const found = ratio(read(style.color).rgb, ground(node));
    if (found < (is_large ? 3 : 4.5)) say(`contrast ${found.toFixed(2)}`, node);
  }
  const edged = "input:not([type=hidden]):not([aria-hidden]), select";
  for (const input of document.querySelectorAll(edged)) {
    if (!shown(input) || input === document.activeElement) continue;
    const found = ratio(read(getComputedStyle(input).borderTopColor).rgb, ground(input));
    if (found < 3) say(`border of contrast ${found.toFixed(2)}`, input);
  }
  for (const entry of performance.getEntriesByType("resource"))
    if (new URL(entry.name).origin !== location.origin) faults.push(`external: ${entry.name}`);
  return faults;
}
"""
WEIGHT = """
() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)
"""
# A choice shows the focus around its whole label.
RING = """
() => {
  const active = document.activeElement;
  const seen = [active, active.closest("label")].filter(Boolean).some((node) => {
    const style = getComputedStyle(node);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  });
  return [active.outerHTML.slice(0, 120), seen || active === document.body];
}
"""
MAX_BYTES = 50_000


async def audit(page):
    """Assert that nothing is wrong with the page that is open."""
    faults = await page.evaluate(AUDIT)
    assert not faults, "\n".join(faults)
    assert await page.evaluate(WEIGHT) < MAX_BYTES


async def walk(page, steps):
    """Go through the page by the Tab key; each place that has the focus must show it."""
    for _ in range(steps):
        await page.keyboard.press("Tab")
        node, is_seen = await page.evaluate(RING)
        assert is_seen, node
