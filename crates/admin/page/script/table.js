
// ---- The table: an element for each row in sight, whatever the number of circuits, written only where
// something has changed. One stop of the tab key; the arrows go on from there.

const rows = new Map(), spare = [], circuitOf = new WeakMap();
// The row that has the place of the tab key.
let rowHeight = 24, grid = null, stop = null;
const isPhone = matchMedia('(max-width: 47.5rem), (max-height: 26rem)');

// The circuits that can be seen.
function inSight() {
  if (view.tab !== 'circuits' || !list.length) return [];
  return isPhone.matches ? list.slice(0, 60) : [...rows.keys()];
}

function makeTable() {
  const { scrollTop: before = 0 } = grid?.scroll ?? {}, hadFocus = grid?.scroll.contains(document.activeElement);
  const picks = maySteer('reset');
  const head = h('tr', { 'aria-rowindex': 1 },
    h('th.c-pick', { scope: 'col' }, picks ? h('label', h('input', { type: 'checkbox', id: 'pick-all', tabindex: -1, 'aria-label': 'Select all that are shown' })) : h('span.unseen', 'Selection')),
    COLUMNS.map(({ key, title, dress }) => h('th', { class: dress, scope: 'col', 'data-key': key }, key ? h('button', { tabindex: -1, 'data-sort': key }, title) : title)));
  const space = () => h('tr.space', { 'aria-hidden': 'true' }, h('td'));
  const body = h('tbody', space(), space());
  const table = h('table.grid', { role: 'grid', 'aria-label': 'Circuits', 'aria-multiselectable': picks ? 'true' : null }, h('thead', head), body);
  const scroll = h('div', { id: 'scroll', tabindex: -1, onscroll: scrolled }, table);
  scroll.addEventListener('pointerover', event => { pointed = event.target.closest('tr.row'); });
  scroll.addEventListener('focusin', event => { here = circuitOf.get(event.target.closest('tr')) ?? here; });
  fill($('view'), scroll, h('div', { id: 'bulk', role: 'region', 'aria-label': 'Selected circuits', hidden: true }));
  rows.clear();
  spare.length = 0;
  rowHeight = parseFloat(getComputedStyle(document.documentElement).fontSize) * 1.5;
  grid = { scroll, table, body, head, picks };
  // Where it was before, if it was made anew.
  if (before) {
    drawRows();
    scroll.scrollTop = before;
  }
  if (hadFocus && here) requestAnimationFrame(() => focusRow(here));
}

function scrolled() {
  drawRows();
  lookSoon(300);
}

function drawTable() {
  if (!grid || grid.picks !== maySteer('reset') || !grid.scroll.isConnected) makeTable();
  for (const th of grid.head.children) {
    const isSorted = th.dataset.key === view.sort.replace('-', '');
    if (!isSorted) th.removeAttribute('aria-sort');
    else th.setAttribute('aria-sort', view.sort.startsWith('-') ? 'descending' : 'ascending');
  }
  dress(grid.table, `grid${bare}`);
  grid.table.setAttribute('aria-rowcount', list.length + 1);
  drawRows();
  drawBulk();
}

function drawRows() {
  const { scroll, body } = grid;
  const from = Math.max(0, Math.floor(scroll.scrollTop / rowHeight) - 6);
  const to = Math.min(list.length, from + Math.ceil(scroll.clientHeight / rowHeight) + 12);
  const wanted = list.slice(from, to), stay = new Set(wanted);
  stop = stay.has(here) ? here : wanted.find((c, at) => (from + at) * rowHeight >= scroll.scrollTop) ?? wanted[0];
  let focused = null;
  for (const [c, row] of rows) {
    const has = row.tr.contains(document.activeElement);
    if (stay.has(c)) {
      if (has) focused = row.tr;
      continue;
    }
    // A row that scrolls away hands its focus to the table.
    if (has) scroll.focus({ preventScroll: true });
    row.tr.remove();
    rows.delete(c);
    spare.push(row);
  }
  const [above, below] = [body.firstElementChild, body.lastElementChild];
  above.firstElementChild.style.height = `${from * rowHeight}px`;
  below.firstElementChild.style.height = `${(list.length - to) * rowHeight}px`;
  placeRows(above, wanted.map((c, at) => drawRow(c, from + at)), focused);
}

// In their order; the row that has the focus is not moved, since it would lose it.
function placeRows(above, wanted, focused) {
  const pivot = focused ? wanted.indexOf(focused) : -1;
  for (let at = pivot - 1; at >= 0; at--) if (wanted[at + 1].previousElementSibling !== wanted[at]) wanted[at + 1].before(wanted[at]);
  for (let at = Math.max(0, pivot + 1), last = at ? wanted[at - 1] : above; at < wanted.length; last = wanted[at++]) {
    if (last.nextElementSibling !== wanted[at]) last.after(wanted[at]);
  }
}

function makeRow() {
  const link = h('a', { tabindex: -1 }, h('bdi')), box = h('input', { type: 'checkbox', tabindex: -1 });
  const cells = COLUMNS.slice(1).map(({ dress }) => ({ td: h('td', { class: dress }), dress, text: null, tone: '' }));
  const tr = h('tr.row', h('td.c-pick', grid.picks ? h('label', box) : null), h('th.c-name', { scope: 'row' }, link), cells.map(cell => cell.td));
  const row = { tr, link, box, cells, c: null, drawn: '' };
  box.addEventListener('change', () => pick([row.c], box.checked));
  return row;
}

// An element that has left the sight is used again.
function rowOf(c) {
  let row = rows.get(c);
  if (row) return row;
  row = spare.pop() ?? makeRow();
  rows.set(c, row);
  row.c = c;
  circuitOf.set(row.tr, c);
  row.drawn = '';
  row.link.setAttribute('href', addressOf({ circuit: c.name }));
  row.link.dataset.circuit = '';
  write(row.link.firstChild, c.name);
  row.link.parentNode.title = c.name;
  row.box.setAttribute('aria-label', `Select ${apart(c.name)}`);
  return row;
}

function drawRow(c, at) {
  const row = rowOf(c), isPicked = picked.has(c), isHere = here === c;
  dress(row.tr, `row${c.kind === 'closed' ? '' : ' bad'}${isPicked ? ' picked' : ''}${isHere ? ' here' : ''}`);
  row.tr.setAttribute('aria-rowindex', at + 2);
  if (grid.picks) row.tr.setAttribute('aria-selected', String(isPicked));
  if (row.box.checked !== isPicked) row.box.checked = isPicked;
  row.link.tabIndex = stop === c ? 0 : -1;
  const rule = nearestOf(c), tone = !rule ? '' : rule.share >= 1 ? 'past' : rule.share >= .6 ? 'near' : '';
  const isOf = name => rule?.rule.startsWith(name) ? tone : '';
  drawState(row, c);
  cell(row, 1, rate(c.calls), c.calls ? '' : 'zero');
  cell(row, 2, c.calls || c.failed ? percent(c.failed) : '–', c.failed >= .0005 ? isOf('failure_rate') : 'zero');
  drawLimit(row.cells[3], rule);
  cell(row, 4, percent(c.slow), c.slow ? isOf('slow_call_rate') : 'zero');
  cell(row, 5, rate(c.rejected), c.rejected ? 'much' : 'zero');
  [c.p50, c.p95, c.p99].forEach((took, at) => cell(row, 6 + at, millis(took), known(took) ? '' : 'zero'));
  cell(row, 9, count(c.flight), c.flight ? '' : 'zero');
  cell(row, 10, count(hungOf(c)), c.hung ? 'near' : 'zero');
  return row.tr;
}

function cell(row, at, text, tone) {
  const it = row.cells[at];
  if (it.text !== text) it.td.textContent = it.text = text;
  if (it.tone !== tone) {
    it.tone = tone;
    dress(it.td, tone ? `${it.dress} ${tone}` : it.dress);
  }
}

// State, five minutes and the last trip: what changes seldom.
function drawState(row, c) {
  const drawn = `${c.kind} ${c.critical} ${shareOf(c)} ${isUnknown()} ${c.samples.shown.length} ${c.samples.shown.slice(-3)} ${c.samplesFrom} ${Math.floor(performance.now() / EVERY)} ${c.tripped} ${c.detail?.at > 0} ${zone}`;
  if (row.drawn === drawn) return;
  row.drawn = drawn;
  const [state, five, trip] = [row.cells[0].td, row.cells[11].td, row.cells[12].td];
  takeChildren(state, pill(c), c.critical && h('b', { title: 'Critical' }, ' !', h('span.unseen', ' critical')));
  if (five.firstChild) redrawSpark(five.firstChild, c);
  else five.append(spark(c));
  const last = tripOf(c);
  const text = !c.tripped ? '–' : last ? shortReason(last) : reasonWords(c.reason ?? '');
  takeChildren(trip, c.tripped ? [time(c.tripped), marked(` ${text}`)] : text);
  trip.title = last ? reasonText(last) : '';
}

function drawLimit(it, rule) {
  const text = rule ? `${rule.share.toFixed(2)} ${rule.text}` : '';
  if (it.text === text) return;
  it.text = text;
  takeChildren(it.td, [rule ? h('span.bullet', bullet(rule.share), h('span', { title: rule.full }, rule.text, h('span.unseen', ` ${rule.words}`))) : soft('–')]);
}

// ---- Selecting.

function pick(those, isPicked) {
  for (const c of those) isPicked ? picked.add(c) : picked.delete(c);
  plan();
}

function drawBulk() {
  const bulk = $('bulk'), all = [...picked];
  show(bulk, all.length && maySteer('reset'));
  const everyone = $('pick-all');
  if (everyone) {
    everyone.checked = all.length > 0 && list.every(c => picked.has(c));
    everyone.indeterminate = all.length > 0 && !everyone.checked;
  }
  if (bulk.hidden) return;
  const outside = all.filter(c => !list.includes(c)).length, forced = all.filter(c => c.overridden).length;
  const names = all.slice(0, 3).flatMap((c, at) => [at ? ', ' : '', bdi(c.name)]);
  const act = (text, command, number) => h('button', { 'data-bulk': command, disabled: !number }, `${text} ${count(number)}…`);
  takeChildren(bulk, [
    h('p', b(`${many(all.length, 'circuit')} selected`), outside ? ` (${count(outside)} not in this filter)` : '', h('span', names, all.length > 3 ? ` and ${count(all.length - 3)} more` : '', '. The order is held until nothing is selected.')),
    act('Reset', 'reset', all.length), act('Trip', 'trip', all.length), act('Override', 'override', all.length), act('Release', 'release', forced),
    h('button.bare', { 'data-bulk': 'clear' }, 'Clear'),
  ]);
}

// ---- Going through the rows.

function focusRow(c) {
  const at = list.indexOf(c);
  if (at < 0) return;
  here = c;
  if (isPhone.matches) return $('cards')?.querySelector(`[href="${CSS.escape(addressOf({ circuit: c.name }))}"]`)?.focus();
  if (!grid?.scroll.isConnected) return;
  const { scroll } = grid, top = at * rowHeight, headHeight = 26;
  if (top < scroll.scrollTop) scroll.scrollTop = top;
  else if (top + rowHeight + headHeight > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + rowHeight + headHeight - scroll.clientHeight;
  drawRows();
  rows.get(c)?.link.focus({ preventScroll: true });
}
function step(by) {
  const at = list.indexOf(here);
  const next = list[Math.max(0, Math.min(list.length - 1, at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by))];
  if (!next) return;
  const inGrid = grid?.scroll.contains(document.activeElement);
  here = next;
  if (opened) go({ circuit: next.name }, true);
  if (!opened || inGrid) focusRow(next);
}
