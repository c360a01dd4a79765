// ---- Elements. No text is ever read as HTML, and no style stands in an attribute: the policy of the
// page forbids both.

const $ = id => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';
const DRAWN = new Set(['svg', 'path', 'rect', 'circle', 'line', 'text', 'use']);

// An element with its classes, as a selector writes them, its attributes and listeners, and what stands
// in it; what is null or false is left out. A button sends no form unless it says so.
function h(selector, attributes, ...children) {
  const [tag, ...classes] = selector.split('.'), isGiven = attributes?.constructor === Object;
  const element = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (tag === 'button') element.type = tag;
  if (classes.length) dress(element, classes.join(' '));
  for (const [name, value] of Object.entries(isGiven ? attributes : {})) {
    if (!known(value) || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...present([!isGiven && attributes, children]));
  return element;
}
const present = children => children.flat(9).filter(child => known(child) && child !== false);
const fill = (element, ...children) => element.replaceChildren(...present(children));
const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const show = (element, isShown) => { if (element.hidden === Boolean(isShown)) element.hidden = !isShown; };
const dress = (element, className) => { if (element.getAttribute('class') !== className) element.setAttribute('class', className); };
const b = text => h('b', text);
const soft = (...parts) => h('span.soft', parts);
// What came from outside turns the direction of no text but its own.
const bdi = text => h('bdi', text);
const apart = text => `\u2068${text}\u2069`;
// Elements for what is set apart in a text.
const marked = text => text.split(/[\u2068\u2069]/).map((part, at) => at % 2 ? bdi(part) : part);
const icon = kind => h('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, h('use', { href: `#s-${kind}` }));
const button = (text, onclick, attributes) => h('button', { onclick, ...attributes }, text);

// Takes over what `fresh` says where it differs, and leaves the rest in place: what has the focus or
// the pointer keeps it.
// What a reader has opened stays so.
const KEPT = new Set(['open']);
function take(element, fresh) {
  if (element.isEqualNode(fresh)) return element;
  const same = element.nodeType === fresh.nodeType && element.nodeName === fresh.nodeName;
  if (!same || fresh.nodeType !== Node.ELEMENT_NODE) {
    element.replaceWith(fresh);
    return fresh;
  }
  for (const { name } of [...element.attributes]) if (!fresh.hasAttribute(name) && !KEPT.has(name)) element.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  takeChildren(element, [...fresh.childNodes]);
  return element;
}
// The same by what each child is of: what stays the same circuit's keeps its element.
function takeByKey(element, fresh) {
  const before = new Map([...element.children].map(child => [child.dataset.key, child]));
  takeOrder(element, fresh.map(child => {
    const same = before.get(child.dataset.key);
    return same ? take(same, child) : child;
  }));
}
function takeOrder(element, children) {
  const stay = new Set(children);
  for (const child of [...element.children]) if (!stay.has(child)) child.remove();
  children.forEach((child, at) => { if (element.children[at] !== child) element.insertBefore(child, element.children[at] ?? null); });
}
function takeChildren(element, ...children) {
  const fresh = present(children).map(child => child instanceof Node ? child : document.createTextNode(child));
  fresh.forEach((child, at) => {
    const before = element.childNodes[at];
    if (before) take(before, child);
    else element.append(child);
  });
  while (element.childNodes.length > fresh.length) element.lastChild.remove();
}
