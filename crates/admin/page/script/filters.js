
// ---- Which circuits, in which order: it stands in the address, so that a link shows the same. It is
// the fragment that holds it: what was typed reaches no log.

const view = { tab: 'circuits', q: '', group: '', states: [], sort: 'need' };
const picked = new Set();
// The circuits of the table in their order, the one that has the place of the tab key, and the one in
// the drawer.
let list = [], here = null, opened = null, missing = null;
let bare = '', isOrderStale = true, isFilterStale = true, arrangedAt = -Infinity, pointed = null;

function readAddress() {
  const text = location.hash.slice(1);
  // A plain name is a circuit, too.
  const fields = /^[^=]+$/.test(text) ? new URLSearchParams([['circuit', decoded(text)]]) : new URLSearchParams(text);
  view.tab = fields.get('tab') ?? 'circuits';
  view.q = fields.get('q') ?? '';
  view.group = fields.get('group') ?? '';
  view.states = (fields.get('state') ?? '').split(',').filter(key => CLASSES.some(([known]) => known === key));
  view.sort = COLUMNS.some(({ key }) => key && key === (fields.get('sort') ?? '').replace('-', '')) ? fields.get('sort') : 'need';
  isFilterStale = true;
  openCircuit(fields.get('circuit'));
}
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// The address with some of it changed.
function addressOf(changes) {
  const to = { ...view, circuit: opened?.name ?? missing, ...changes }, fields = new URLSearchParams();
  if (to.tab !== 'circuits' && !('group' in changes)) fields.set('tab', to.tab);
  if (to.q) fields.set('q', to.q);
  if (to.group) fields.set('group', to.group);
  if (to.states.length) fields.set('state', to.states.join(','));
  if (to.sort !== 'need') fields.set('sort', to.sort);
  if (known(to.circuit)) fields.set('circuit', to.circuit);
  const text = fields.toString().replaceAll('%2C', ',');
  return text ? `#${text}` : '#';
}
// Typing takes the place of the entry before, choosing makes one more.
function go(changes, isTyped = false) {
  const to = addressOf(changes);
  history[isTyped ? 'replaceState' : 'pushState'](null, '', to === '#' ? location.pathname + location.search : to);
  readAddress();
  if (changes.tab === 'fleet') {
    due.fleet = 0;
    lookSoon();
  }
  plan();
}

const byName = (a, z) => a.name < z.name ? -1 : a.name > z.name ? 1 : 0;
function byNeed(a, z) {
  return PLACE[a.kind] - PLACE[z.kind] || (a.kind === 'closed' ? 0 : z.critical - a.critical)
    || (z.rejected ?? 0) - (a.rejected ?? 0) || (z.nearness ?? 0) - (a.nearness ?? 0) || byName(a, z);
}

const COLUMNS = [
  { key: 'name', title: 'Name', dress: 'c-name', of: null },
  { key: 'need', title: 'State', dress: 'c-state', of: null },
  { key: 'calls', title: 'Calls/s', dress: 'c-calls num', of: c => c.calls },
  { key: 'fail', title: 'Fail %', dress: 'c-fail num', of: c => c.failed },
  { key: 'limit', title: 'Nearest limit', dress: 'c-limit', of: c => c.nearness },
  { key: 'slow', title: 'Slow %', dress: 'c-slow num', of: c => c.slow },
  { key: 'rejected', title: 'Rejected/s', dress: 'c-rejected num', of: c => c.rejected },
  { key: 'p50', title: 'p50 ms', dress: 'c-p c-p50 num', of: c => c.p50 },
  { key: 'p95', title: 'p95 ms', dress: 'c-p c-p95 num', of: c => c.p95 },
  { key: 'p99', title: 'p99 ms', dress: 'c-p c-p99 num', of: c => c.p99 },
  { key: 'flight', title: 'In flight', dress: 'c-flight num', of: c => c.flight },
  { key: 'hung', title: 'Hung', dress: 'c-hung num', of: hungOf },
  { key: null, title: 'Last 5 minutes', dress: 'c-spark', of: null },
  { key: 'trip', title: 'Last trip', dress: 'c-trip', of: c => c.tripped },
];
const sortBy = key => key === 'need' || key === 'name' ? key : `-${key}`;

function orderOf(sort) {
  const key = sort.replace('-', ''), sign = sort.startsWith('-') ? -1 : 1;
  const { of } = COLUMNS.find(column => column.key === key);
  if (key === 'need') return (a, z) => sign * byNeed(a, z);
  if (key === 'name') return (a, z) => sign * byName(a, z);
  // What is not known comes last, either way.
  return (a, z) => known(of(a)) && known(of(z)) ? sign * (of(a) - of(z)) || byName(a, z) : known(of(z)) - known(of(a)) || byName(a, z);
}

function fits(c, text) {
  if (view.states.length && !view.states.includes(CLASS_OF[c.kind])) return false;
  if (view.group && !c.groups.includes(view.group)) return false;
  if (!text) return true;
  if (c.name.toLowerCase().includes(text)) return true;
  const kinds = c.detail ? Object.entries(c.detail.failures_by_kind).filter(([, failures]) => failures).map(([kind]) => kind) : [];
  return (c.reason ?? '').replaceAll('_', ' ').includes(text) || kinds.some(kind => kind.includes(text));
}

// The order is held while somebody has something in hand, and changes at most each five seconds.
let fingers = 0;
const filled = new Set();
for (const event of ['touchstart', 'touchend', 'touchcancel']) addEventListener(event, ({ touches }) => { fingers = touches.length; }, { passive: true });
const isHeld = () => picked.size + fingers > 0 || Boolean(pointed?.matches(':hover'));
function arrange() {
  const held = isHeld(), isOver = performance.now() - arrangedAt >= 5000;
  // What is selected says so in its own bar.
  write($('held'), held && !picked.size && isOrderStale && view.tab === 'circuits' ? `Order held: ${fingers ? 'a finger' : 'the pointer'} is on a row` : '');
  if (!isFilterStale && !(isOrderStale && isOver && !held && isLive())) {
    list = list.filter(c => circuits.get(c.name) === c);
    if (isOrderStale && isOver && held) addNew();
    return;
  }
  const text = view.q.trim().toLowerCase();
  list = [...circuits.values()].filter(c => fits(c, text)).sort(orderOf(view.sort));
  arrangedAt = performance.now();
  isOrderStale = isFilterStale = false;
  // Columns in which no row has had anything yet leave their room to the names; but not the one that sorts.
  bare = COLUMNS.map(({ key, of }) => {
    if (!of || key === view.sort.replace('-', '') || list.some(c => known(of(c)))) filled.add(key);
    return filled.has(key) ? '' : ` no-${key}`;
  }).join('');
}

// What belongs to the table now comes at its end, whatever holds the order.
function addNew() {
  const listed = new Set(list), text = view.q.trim().toLowerCase();
  list.push(...[...circuits.values()].filter(c => !listed.has(c) && fits(c, text)));
  arrangedAt = performance.now();
}

// ---- Tabs and filters.

function drawTools() {
  const tabs = [['circuits', 'Circuits', list.length === circuits.size ? count(circuits.size) : `${count(list.length)} of ${count(circuits.size)}`]];
  if (site.groups.length) tabs.push(['groups', 'Groups', count(site.groups.length)]);
  if (site.fleet) tabs.push(['fleet', 'Fleet', count(site.fleet.processes.length)]);
  if (site.audit && (site.audit.length || site.refused.length)) tabs.push(['commands', 'Commands', count(site.audit.length)]);
  // One that an address asks for may come yet.
  if (site.isLookedAt && !tabs.some(([key]) => key === view.tab)) view.tab = 'circuits';
  takeChildren($('tabs'), tabs.map(([key, text, number]) => h('button', { role: 'tab', id: `tab-${key}`, 'data-tab': key, 'aria-controls': 'view', 'aria-selected': String(key === view.tab), tabindex: key === view.tab ? 0 : -1 }, text, h('i', number))));
  $('view').setAttribute('role', 'tabpanel');
  $('view').setAttribute('aria-labelledby', `tab-${view.tab}`);
  show($('tools'), circuits.size);
  show($('filters'), view.tab === 'circuits');
  drawChoices();
  drawChips();
  write($('shown'), list.length === circuits.size ? '' : `${count(list.length)} of ${count(circuits.size)} shown`);
}

function drawChoices() {
  if (document.activeElement !== $('q') && $('q').value !== view.q) $('q').value = view.q;
  const groups = [['', 'All groups'], ...site.groups.map(group => [group.name, group.name])];
  if (view.group && !site.groups.some(group => group.name === view.group)) groups.push([view.group, view.group]);
  takeChildren($('group'), groups.map(([value, text]) => h('option', { value }, text)));
  show($('group'), groups.length > 1);
  $('group').value = view.group;
  if (!$('sort').children.length) fill($('sort'), COLUMNS.filter(({ key }) => key).map(({ key, title }) => h('option', { value: sortBy(key) }, key === 'need' ? 'Worst first' : title)));
  $('sort').value = view.sort;
}

function drawChips() {
  const counts = countKinds(), chips = [];
  for (const [key, text, kinds] of CLASSES) {
    const number = sumOf(counts, kinds), isOn = view.states.includes(key);
    if (!number && !isOn) continue;
    chips.push(h('button', { class: kinds[0], 'data-chip': key, 'aria-pressed': String(isOn), title: kinds.map(kind => WORD[kind]).join(', ') }, icon(kinds[0]), `${text} ${count(number)}`));
  }
  takeChildren($('chips'), chips);
}
