// What the browser test runs inside the page: each probe measures and returns plain data. Plain JavaScript: it is pasted into the page.
/** The lowest contrast of any text with what lies behind it, of the marks of charts too, and the worst of each. Runs in the page. */
function contrasts() {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const read = (text) => {
    const found = known.get(text);
    if (found) return found;
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0, a = 0] = canvas.getImageData(0, 0, 1, 1).data;
    known.set(text, [r, g, b, a / 255]);
    return [r, g, b, a / 255];
  };
  const luminance = ([r, g, b]) => {
    const [x = 0, y = 0, z = 0] = [r, g, b].map((one) => {
      const s = one / 255;
      return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = read(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.9) return colour;
    }
    return [255, 255, 255, 1];
  };
  const ratio = (a, b) => {
    const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const worst = {
    text: 99,
    what: '',
    mark: 99,
    which: '',
    texts: 0,
    paper: read(getComputedStyle(document.body).backgroundColor),
  };
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === 3 && (node.textContent ?? '').trim() !== '',
    );
    const style = getComputedStyle(element);
    // A `·` for what was not tested is no information that a mark beside it would not give.
    if (own && element.checkVisibility() && !element.closest('.unseen, .tick.none, script')) {
      const inside = element.namespaceURI?.endsWith('svg') ?? false;
      const found = ratio(read(inside ? style.fill : style.color), behind(element));
      worst.texts += 1;
      if (found < worst.text)
        Object.assign(worst, { text: found, what: (element.textContent ?? '').slice(0, 60) });
    }
    if (element.matches('.chart polygon, .chart circle') && element.checkVisibility()) {
      const found = ratio(read(style.stroke === 'none' ? style.fill : style.stroke), behind(element));
      if (found < worst.mark) Object.assign(worst, { mark: found, which: element.outerHTML.slice(0, 120) });
    }
  }
  return worst;
}

/** Where the first screen's parts end, and what in it is cut off or lies over something else. */
function firstScreen() {
  const box = (name) => document.querySelector(name).getBoundingClientRect();
  const cut = [...document.querySelectorAll('header *')].filter(
    (one) =>
      one.scrollWidth > one.clientWidth + 1 &&
      getComputedStyle(one).overflowX === 'visible' &&
      one.clientWidth > 0,
  );
  return {
    top: box('h1').top,
    bottoms: ['h1', '.cards', '.top'].map((name) => box(name).bottom),
    inner: innerHeight,
    cut: cut.map((one) => one.outerHTML.slice(0, 80)),
  };
}

/** How wide the content is, how many charts are shown (one drawing of each), and how high their smallest text is. */
function fit() {
  const shown = [...document.querySelectorAll('svg.chart')].filter((one) => one.checkVisibility());
  const texts = shown.flatMap((one) => [...one.querySelectorAll('text')]);
  const heights = texts.map((text) => text.getBoundingClientRect().height);
  const content = document.documentElement.scrollWidth;
  return { content, inner: innerWidth, charts: shown.length, least: Math.min(...heights) };
}

/** Requests, the first thing that the tab key reaches, and what scrolls but cannot be reached by it. */
function reach() {
  const first = document.querySelector('a, summary, [tabindex]');
  // A file that is missing leaves no entry: what would ask for one counts too.
  const asked = [...document.querySelectorAll('[src], [srcset], link[href], use, image, object, embed')]
    .filter((one) => !(one.getAttribute('href') ?? '').startsWith('data:'))
    .map((one) => one.outerHTML.slice(0, 80));
  const scrolling = [...document.querySelectorAll('.scroll, .replay, nav ul')];
  return {
    requests: [...performance.getEntriesByType('resource').map((one) => one.name), ...asked],
    first: first.getAttribute('href'),
    target: document.querySelector('#content') !== null,
    unreachable: scrolling
      .filter((one) => one.tabIndex < 0 && one.querySelector('a') === null)
      .map((one) => one.outerHTML.slice(0, 80)),
    folded: document.querySelectorAll('details > summary').length,
    colourOnly: [...document.querySelectorAll('.state, .tick')].filter((one) => one.textContent.trim() === '')
      .length,
  };
}

globalThis.probes = { contrasts, firstScreen, fit, reach };
