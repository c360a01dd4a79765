
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
const plainTable = (heads, lines) => h('table.plain',
  h('thead', h('tr', heads.map((head, at) => h('th', { scope: 'col', class: at ? 'num' : null }, head)))),
  h('tbody', lines.map(([first, ...rest]) => h('tr', h('th', { scope: 'row', class: 'wrap' }, first), rest.map(text => h('td.num', text))))));

const DRAWER = {
  head: c => [h('h2', { tabindex: -1 }, bdi(c.name)), pill(c), c.critical && h('span.tag', 'critical'), closeButton()],
  say: c => [h('p.sentence', sentenceOf(c)), h('div.steer', steering(c))],
  rules: c => {
    const rules = rulesOf(c);
    if (c.state !== 'closed' || c.kind === 'isolated' || c.kind === 'forced_open' || !rules.length) return [];
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
  const table = kinds.length ? plainTable(['Kind', 'Since start', 'Share'], kinds.map(([kind, failures]) => [bdi(kind), count(failures), `${Math.round(failures / all * 100)} %`])) : h('p.soft', 'None since the start');
  return titled('Failures by kind', null, table);
}

const REJECTIONS = [['open', 'Open'], ['probes_busy', 'Probes busy'], ['forced_open', 'Forced open'], ['isolated', 'Isolated'], ['ramping', 'Ramping'], ['throttled', 'Shed'], ['not_ready', 'Not ready']];
function rejectionsOf(c) {
  const { rejections, totals } = c.detail;
  const lines = REJECTIONS.filter(([reason]) => rejections[reason]).map(([reason, text]) => [text, count(rejections[reason])]);
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
  const { config, last_trip: trip } = c.detail, limits = c.limits, peaks = c.hour?.peaks, lines = [];
  const seen = (value, text) => known(value) ? text(value) : '–';
  const add = (title, is, today = '') => lines.push([title, is, today]);
  if (known(limits.failure_rate)) add('Failure rate', limitOf(limits.failure_rate), seen(peaks?.failure_share, value => `highest ${percent(value)} %`));
  if (known(limits.failure_rate_confident)) add('Failure rate, confident', `${limitOf(limits.failure_rate_confident)} at ${limitOf(limits.confidence)}`, seen(peaks?.failure_share, value => `highest ${percent(value)} %`));
  if (known(limits.consecutive_failures)) add('Failures in a row', count(limits.consecutive_failures), seen(peaks?.consecutive_failures, value => `longest run ${count(value)}`));
  if (known(limits.failure_count)) add('Failures in the window', count(limits.failure_count));
  if (known(limits.slow_call_rate)) {
    add('Slow above', span2(limits.slower_than), seen(peaks?.p99, value => `highest p99 ${millis(value * 1000)} ms`));
    add('Slow calls', limitOf(limits.slow_call_rate));
  }
  if (known(limits.stalled_calls)) add('Hung calls', `${count(limits.stalled_calls)} over ${span2(limits.older_than)}`, seen(peaks?.stalled_calls, value => `highest ${count(value)}`));
  if (known(limits.minimum_calls) && c.fine) add('Minimum calls', count(limits.minimum_calls), `${count(c.fine.window.calls)} in the window`);
  for (const [field, title] of CONFIG) if (known(config[field])) add(title, settingText(config[field]), field === 'open_for' && trip?.open_for ? `${brief(trip.open_for)} the last time` : '');
  return titled('Settings against today', null, plainTable(['Setting', 'Is', 'Today'], lines));
}
const CONFIG = [['window', 'Window'], ['open_for', 'Open for'], ['open_backoff', 'Backoff'], ['probes', 'Probes needed'], ['concurrent_probes', 'Probes at once'], ['failed_probes_allowed', 'Probes that may fail'], ['probe_timeout', 'A probe may take'], ['abandoned_after', 'Dropped counts after'], ['max_trip_for', 'Longest Retry-After'], ['ramp', 'Ramp'], ['throttle', 'Throttle']];
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
  if (c?.hour) fill(drawer.hour, titled('Last hour', 'kept by the process, 30 s a step'), new HourChart(c).elements());
}
