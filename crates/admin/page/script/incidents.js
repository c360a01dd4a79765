
// ---- What needs attention, a line each: what, since when, why, what callers get, what comes next.

let isFolded = false, shownIncidents = [];
const incidentRows = () => shownIncidents;

// The worst first; the members of a group that isolates them are one line.
// Their order is held while one is pointed at, or has the focus.
let incidentKeys = [];
function inOrder(rows) {
  const key = row => row.group ?? row.c.name;
  if (fingers || $('incidents-list').matches(':hover, :focus-within')) {
    const place = new Map(incidentKeys.map((one, at) => [one, at]));
    rows.sort((a, z) => (place.get(key(a)) ?? Infinity) - (place.get(key(z)) ?? Infinity) || 0);
  }
  incidentKeys = rows.map(key);
  return rows;
}

function gatherIncidents() {
  const rows = [], ofGroup = new Map();
  for (const c of [...circuits.values()].filter(isIncident).sort(byNeed)) {
    const group = c.kind === 'isolated' ? c.detail?.isolated_by?.[0]?.group ?? c.groups.find(isolates) : null;
    if (!group) rows.push({ c, all: [c], group: null });
    else if (ofGroup.has(group)) ofGroup.get(group).all.push(c);
    else {
      ofGroup.set(group, { c, all: [c], group });
      rows.push(ofGroup.get(group));
    }
  }
  return inOrder(rows);
}
const isolates = name => site.groups.find(group => group.name === name)?.is_isolated;

function drawIncidents() {
  const rows = gatherIncidents(), loose = [...circuits.values()].filter(c => c.kind === 'forced_closed' || c.kind === 'observing');
  show($('incidents'), rows.length || loose.length);
  if (!rows.length && !loose.length) {
    shownIncidents = [];
    return;
  }
  const most = roomForIncidents();
  shownIncidents = isFolded ? [] : rows.slice(0, most);
  const needed = rows.reduce((sum, row) => sum + row.all.length, 0);
  write($('incidents-title'), isUnknown() ? `${count(needed)} needed attention when last heard` : needed ? `${count(needed)} need${needed === 1 ? 's' : ''} attention` : 'Nothing needs attention');
  $('incidents-fold').setAttribute('aria-expanded', String(!isFolded));
  takeChildren($('incidents-fold'), isFolded ? 'Unfold ' : 'Fold ', h('kbd', 'i'));
  takeByKey($('incidents-list'), shownIncidents.map(incidentLine));
  takeChildren($('incidents-more'), isFolded ? [] : moreIncidents(rows.slice(most), loose));
}

function roomForIncidents() {
  if (isPhone.matches) return 8;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const line = ($('left').clientWidth > rem * 78 ? 1.6 : 3) * rem;
  return Math.max(3, Math.min(8, Math.floor(innerHeight * .26 / line)));
}

function incidentLine({ c, all, group }) {
  const isGroup = all.length > 1, began = downSince(c);
  const rejected = all.some(one => known(one.rejected)) ? all.reduce((sum, one) => sum + (one.rejected ?? 0), 0) : null;
  const named = isGroup
    ? h('a', { href: addressOf({ group, circuit: null, states: [] }) }, bdi(group), h('span.tag', ` ${many(all.length, 'circuit')}`))
    : h('a', { href: addressOf({ circuit: c.name }) }, bdi(c.name));
  return h('li', { class: `incident ${c.kind}`, 'data-key': group ?? c.name },
    h('span', pill(c)),
    h('p.name', named, c.critical && !isGroup && h('span.tag', ' critical')),
    h(`p${began === null ? '.none' : ''}`, began === null ? soft('–') : [time(began), soft(h('i', isUnknown() ? '' : ' · '), isUnknown() ? '' : since(began))]),
    h('p.why', whyOf(c, isGroup), votesOf(c)),
    h('p.callers', callersOf(c, rejected)),
    h('p.next', nextOf(c)));
}

// What the fleet says of it.
function votesOf(c) {
  const shared = site.fleet?.circuits?.find(one => one.name === c.name);
  if (!shared || c.kind !== 'open' && c.kind !== 'half_open') return null;
  const votes = shared.votes.length, says = votes ? `${votes} of ${Math.max(site.fleet.processes.length, votes)} voted` : shared.state === c.state ? 'agreed' : null;
  return says && h('span.tag.nobr', ` · fleet: ${says}`);
}

function moreIncidents(rest, loose) {
  const parts = [];
  if (rest.length) {
    const names = rest.slice(0, 4).flatMap(({ c, all, group }, at) => [at ? ',\u00a0' : '', bdi(all.length > 1 ? group : c.name)]);
    const states = [...new Set(rest.flatMap(row => row.all.map(c => CLASS_OF[c.kind])))];
    parts.push(h('button.bare', { 'data-states': states.join(',') }, `${count(rest.length)} more:\u00a0`, names, rest.length > 4 && ' …'));
  }
  if (loose.length) {
    const names = loose.slice(0, 4).flatMap((c, at) => [at ? ', ' : '', bdi(c.name), ` (${lower(c.kind)}`, c.detail?.override_words?.actor ? [', ', bdi(c.detail.override_words.actor)] : '', ')']);
    parts.push(h('span.soft', parts.length ? ' · ' : '', 'Unprotected by an operator: ', names, loose.length > 4 && ` and ${loose.length - 4} more`));
  }
  return parts;
}
