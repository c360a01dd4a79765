
// ---- The drawer: one circuit, whole.

let drawer = null;

// Opens the circuit of that name, or none.
function openCircuit(name) {
  const before = opened;
  opened = known(name) ? circuits.get(name) ?? null : null;
  missing = known(name) && !opened ? name : null;
  if (opened) here = opened;
  if (opened && opened !== before) {
    write($('news'), `Details of ${apart(name)} are open after the table`);
    lookSoon();
  }
  drawDrawer();
  // On a phone it covers all: the focus goes with it.
  $('left').inert = isPhone.matches && !$('drawer').hidden;
  if (isPhone.matches && opened && opened !== before) $('drawer').querySelector('h2').focus();
}
// One that was asked for before anything was known, or has gone since.
function findOpened() {
  if (missing !== null && circuits.has(missing)) openCircuit(missing);
  if (opened && circuits.get(opened.name) !== opened) openCircuit(opened.name);
}
function closeDrawer() {
  const c = opened;
  go({ circuit: null });
  if (c) focusRow(c);
}

function drawDrawer() {
  const aside = $('drawer');
  show(aside, opened || missing !== null && circuits.size);
  if (aside.hidden) {
    drawer = null;
    $('left').inert = false;
    return;
  }
  const key = opened ? opened.name : null;
  if (!drawer) makeDrawer(aside);
  if (drawer.key !== key) aside.scrollTop = 0;
  drawer.key = key;
  aside.setAttribute('aria-label', `Circuit ${apart(key ?? missing)}`);
  for (const [part, draw] of Object.entries(DRAWER)) {
    const children = opened ? present([draw(opened)]) : part === 'head' ? headOfMissing() : part === 'say' ? sayMissing() : [];
    takeChildren(drawer.parts[part], children);
    if (part !== 'head') show(drawer.parts[part], children.length);
  }
  drawHour();
}

function makeDrawer(aside) {
  const parts = Object.fromEntries(Object.keys(DRAWER).map(part => [part, h(part === 'head' ? 'header' : 'section')]));
  const hour = h('section', { hidden: true });
  drawer = { key: null, parts, hour, drawn: '', of: null };
  fill(aside, parts.head, parts.say, hour, ...Object.values(parts).slice(2));
}

const headOfMissing = () => [h('h2', { tabindex: -1 }, bdi(missing)), closeButton()];
const sayMissing = () => [h('p.sentence', isLive() ? 'There is no circuit of this name here: it was removed, has never been made in this process, or was evicted.' : 'There was no circuit of this name when last heard.')];
const closeButton = () => h('div.ends',
  opened && h('button.bare', { 'data-do': 'previous', 'aria-label': 'Previous circuit', disabled: list.indexOf(opened) < 1 }, '↑'),
  opened && h('button.bare', { 'data-do': 'following', 'aria-label': 'Next circuit', disabled: list.indexOf(opened) < 0 || list.at(-1) === opened }, '↓'),
  h('button.bare', { id: 'close', 'data-do': 'close', 'aria-keyshortcuts': 'Escape' }, 'Close ', h('kbd', { 'aria-hidden': 'true' }, 'Esc')));

const titled = (text, note, ...children) => [h('h3', h('span', text), note && h('small', note)), children];
const figuresOf = entries => h('dl.figures', entries.map(([title, value]) => h('div', h('dt', title), h('dd', value))));
// A head is a text, or one with its classes and its title.
const tableOf = (selector, attributes, heads, lines) => h(selector, attributes,
  h('thead', h('tr', present(heads).map(({ text, dress, title }) => h('th', { scope: 'col', class: dress, title }, text)))), h('tbody', lines));
const numbers = text => ({ text, dress: 'num' });
const texts = text => ({ text });
const rowHead = (...parts) => h('th', { scope: 'row' }, parts);
const plainTable = ([first, ...rest], lines) => tableOf('table.plain', {}, [{ text: first }, present(rest).map(numbers)],
  lines.map(([title, ...values]) => h('tr', h('th.wrap', { scope: 'row' }, title), present(values).map(text => h('td.num', text)))));

const DRAWER = {
  head: c => [h('h2', { tabindex: -1 }, bdi(c.name)), pill(c), c.critical && h('span.tag', 'critical'), closeButton()],
  say: c => [h('p.sentence', sentenceOf(c)), h('div.steer', steering(c))],
  rules: c => {
    const rules = rulesOf(c);
    if (!rules.length) return [];
    return titled('What would trip it', 'the tick is the limit', h('div.rules', rules.flatMap(rule => [h('span', rule.words[0].toUpperCase() + rule.words.slice(1)), bullet(rule.share), h('span', { class: rule.share >= .6 ? '' : 'soft' }, rule.full)])));
  },
  probes: c => {
    const probes = c.detail?.probes;
    if (c.kind !== 'half_open' || !probes) return [];
    return titled('Probes', null, figuresOf([['Succeeded', `${probes.succeeded} of ${probes.needed}`], ['Failed', `${probes.failed}, allowed ${probes.failed_allowed}`], ['In flight', probes.in_flight], ['Each may take', brief(probes.timeout)]]));
  },
  counts: c => c.detail ? [h('div.two', h('div', failuresByKind(c)), h('div', rejectionsOf(c))), lastError(c)] : [],
  settings: c => c.detail?.config ? settingsOf(c) : [],
  events: c => c.detail ? [h('div.two', h('div', recentEvents(c)), h('div', titled('Listeners', null, figuresOf([['Panics', count(c.detail.listeners.panics)], ['Events missed', count(c.detail.listeners.missed)]]))))] : [],
  commands: c => {
    const mine = commandsOn(c);
    return mine.length ? titled('Commands on this circuit', null, h('div.wide', { tabindex: 0, role: 'group', 'aria-label': 'Commands on this circuit, scrolls sideways' }, commandTable(mine.slice(0, 10), false))) : [];
  },
};

// A button that would change nothing is not there.
function steering(c) {
  if (!isLive()) return link.heard === null ? [] : [h('p', 'No commands while the connection is lost.')];
  if (!site.control) return [h('p', token ? 'Your token may look, not steer.' : 'Read only: commands are off in this service.')];
  const act = (text, command, dress) => h('button', { class: dress, 'data-ask': command }, text);
  if (c.kind === 'isolated') return [h('p', 'Isolated by code: only who holds the isolation can end it.')];
  if (c.overridden) return [act('Change…', 'override', 'main'), act('Release…', 'release')];
  return [act('Override…', 'override'), act('Reset…', 'reset'), c.state === 'closed' && act('Trip…', 'trip')];
}

function failuresByKind(c) {
  const kinds = Object.entries((c.fine?.id === c.id ? c.fine : c.detail).failures_by_kind).filter(([, failures]) => failures).sort(([, a], [, z]) => z - a);
  const all = kinds.reduce((sum, [, failures]) => sum + failures, 0);
  // Of how long that is known: less than five minutes after a start.
  const { failures_by_kind: few, known_seconds: lately } = c.detail.last_five_minutes ?? {};
  const table = kinds.length ? plainTable(['Kind', lately > 0 && `Last ${span(lately)}`, 'Since start', 'Share'], kinds.map(([kind, failures]) => [bdi(kind), lately > 0 && count(few[kind] ?? 0), count(failures), `${Math.round(failures / all * 100)} %`])) : h('p.soft', 'None since the start');
  return titled('Failures by kind', null, table);
}

function rejectionsOf(c) {
  const { rejections, totals } = c.detail;
  const lines = Object.entries(rejections).filter(([, number]) => number).map(([reason, number]) => [reasonWords(reason), count(number)]);
  if (totals.would_have_rejected) lines.push(['Would have been, observing', count(totals.would_have_rejected)]);
  return titled('Rejected by reason', `${rate(c.rejected)}/s now`, lines.length ? plainTable(['Reason', 'Since start'], lines) : h('p.soft', 'None since the start'));
}

function lastError(c) {
  const { last_error: text, last_failure: failure, at } = c.detail;
  if (!failure) return [];
  const note = [bdi(failure.kind), ', ', clock(at - failure.ago * 1000)];
  return [h('h3', h('span', text ? 'Last error' : 'Last failure'), h('small', note)), text && h('p.error-text.mono', bdi(text))];
}

function recentEvents(c) {
  const entries = [...c.detail.recent_events].reverse().map(({ ago, event }) => h('li', time(c.detail.at - ago * 1000), h('span', eventText(event))));
  return titled('Recent events', 'state changes', entries.length ? h('ul.log', entries) : h('p.soft', `None since it was made, ${span(c.detail.uptime)} ago`));
}
function eventText(event) {
  const openFor = event.open_for ? `, for ${brief(event.open_for)}` : '';
  switch (event.event) {
    case 'state_changed': return `${WORD[event.from]} → ${lower(event.to)}: ${reasonWords(event.reason)}${openFor}`;
    case 'renewed': return `${WORD[event.state]} anew: ${reasonWords(event.reason)}${openFor}`;
    case 'overridden': return event.to ? WORD[event.to] : 'Released';
    default: return event.event.replaceAll('_', ' ');
  }
}

// What is set, against what was seen within a day.
function settingsOf(c) {
  const { config, last_trip: trip } = c.detail, limits = c.limits, peaks = c.hour?.peaks ?? {}, lines = [];
  const add = (title, is, today = '') => lines.push([title, is, today]);
  const rule = (title, limit, is, peak, text) => known(limit) && add(title, is(limit), text && (known(peak) ? text(peak) : '–'));
  const highest = share => `highest ${percent(share)} %`;
  rule('Failure rate', limits.failure_rate, limitOf, peaks.failure_share, highest);
  rule('Failure rate, confident', limits.failure_rate_confident, share => `${limitOf(share)} at ${limitOf(limits.confidence)}`, peaks.failure_share, highest);
  rule('Failures in a row', limits.consecutive_failures, count, peaks.consecutive_failures, run => `longest run ${count(run)}`);
  rule('Failures in the window', limits.failure_count, count);
  rule('Slow above', limits.slow_call_rate && limits.slower_than, span2, peaks.p99, took => `highest p99 ${millis(took * 1000)} ms`);
  rule('Slow calls', limits.slow_call_rate, limitOf);
  rule('Hung calls', limits.stalled_calls, calls => `${count(calls)} over ${span2(limits.older_than)}`, peaks.stalled_calls, calls => `highest ${count(calls)}`);
  rule('Minimum calls', c.fine && limits.minimum_calls, count, c.fine?.window.calls, calls => `${count(calls)} in the window`);
  // All others, by their own names; the rules are what the limits say.
  for (const [field, value] of Object.entries(config)) if (known(value) && field !== 'rules' && !(field in limits)) add(reasonWords(field), settingText(value), field === 'open_for' && trip?.open_for ? `${brief(trip.open_for)} the last time` : '');
  return titled('Settings against today', null, plainTable(['Setting', 'Is', 'Today'], lines));
}
// As the settings are written, in a line.
function settingText(value) {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value).map(([key, one]) => `${key.replaceAll('_', ' ')} ${settingText(one)}`).join(', ');
}

// The hour is drawn anew when it was read anew, and not under a finger.
function drawHour() {
  const c = opened, drawn = `${c?.name} ${c?.hourAt} ${c && commandsOn(c).length} ${innerWidth} ${isPhone.matches} ${zone}`;
  if (drawer.drawn === drawn) return;
  // Not under a finger, nor while somebody reads it by keys.
  if (drawer.of === c && c?.hour && drawer.hour.matches(':hover, :focus-within') && drawer.hour.firstChild) return;
  Object.assign(drawer, { drawn, of: c });
  show(drawer.hour, c?.hour);
  if (c?.hour) fill(drawer.hour, titled('Last hour', 'kept by the process, 30 s a step'), hourOf(c));
}
