
// ---- Groups, fleet, commands.

function drawPane(label, ...children) {
  let pane = $('scroll');
  if (!pane || pane.getAttribute('aria-label') !== label) {
    grid = null;
    pane = h('div', { id: 'scroll', class: 'pane', role: 'region', 'aria-label': label });
    fill($('view'), pane);
  }
  takeChildren(pane, ...children);
}
const sideways = (label, table) => h('div.wide', { tabindex: 0, role: 'group', 'aria-label': `${label}, scrolls sideways` }, table);
function listTable(label, heads, lines) {
  return sideways(label, tableOf('table.list', { 'aria-label': label }, heads.map(head => typeof head === 'string' ? { text: head } : head), lines));
}
const circuitLink = name => h('a', { href: addressOf({ circuit: name }) }, bdi(name));

function drawGroups() {
  const lines = site.groups.map(group => {
    const members = group.members.map(member => circuits.get(member)).filter(Boolean);
    const sum = of => members.some(c => known(of(c))) ? members.reduce((all, c) => all + (of(c) ?? 0), 0) : null;
    const isolated = members.find(c => c.kind === 'isolated'), began = isolated ? sinceOf(isolated) : null;
    return h('tr', rowHead(h('a', { href: addressOf({ group: group.name, states: [], circuit: null }) }, bdi(group.name))),
      h('td', h('span.pips', members.map(c => h('a', { class: c.kind, href: addressOf({ circuit: c.name }), 'aria-label': `${c.name}: ${isUnknown() ? 'was ' : ''}${lower(c.kind)}`, title: `${c.name}: ${lower(c.kind)}` }, icon(c.kind))))),
      h('td.num', `${count(group.open)} of ${count(members.length)}`),
      h('td', known(group.most_open) ? `${count(group.open)} of ${count(group.most_open)} places taken` : soft('none')),
      h('td', { class: group.trips_prevented ? 'num' : 'num soft' }, count(group.trips_prevented)),
      h('td.num', rate(sum(c => c.calls))), h('td.num', rate(sum(c => c.rejected))),
      h('td.wrap', group.is_isolated ? [b('Isolated'), began === null ? '' : [' since ', time(began), ` (${since(began)})`], group.reason ? [': “', bdi(group.reason), '”'] : ''] : soft('on')));
  });
  drawPane('Groups', listTable('Groups', ['Group', 'Members', numbers('Not closed'), 'Cap', numbers('Trips kept back'), numbers('Calls/s'), numbers('Rejected/s'), 'Switch'], lines),
    h('p.soft', '“Trips kept back” counts those for which a cap had no place. An isolation is held by code: only who holds it can end it, so there is no button here.'));
}

function drawFleet() {
  const { link: status, processes, circuits: shared, read_ago: readAgo } = site.fleet, passed = (asOf() - site.fleetAt) / 1000;
  const names = processes.map(process => shortName(process.name, processes));
  const figures = [];
  if (status) {
    // What was read long ago says nothing of now.
    const lasts = passed > 20 ? [] : [[status.status === 'disconnected' ? 'Lost for' : 'For', span(status.in_status_for + passed)]];
    figures.push(['This process', linkPill(status, passed > 20)], ...lasts, ['Last agreed', known(status.last_agreed) ? `${span(status.last_agreed + passed)} ago` : 'never'], ['Errors', count(status.errors)]);
  }
  figures.push(['Read', known(readAgo) ? `${span(readAgo + passed)} ago` : 'not yet']);
  const lines = shared.map(one => h('tr', rowHead(circuitLink(one.name)), h('td', fleetSays(one)),
    h('td', { title: one.votes.join(', ') }, one.votes.length ? `${one.votes.length} of ${Math.max(processes.length, one.votes.length)}` : soft('0')),
    processes.map(process => fleetCell(process, one)), h('td', leaseOf(one, processes, names))));
  const ofProcesses = processes.map(process => h('tr', rowHead(bdi(process.name), process.this && h('span.tag', ' this process')), h('td', bdi(process.vote)), h('td', process.link ? [linkPill(process.link), soft(` ${span(process.link.in_status_for + passed)}`)] : soft('–')), h('td', process.version), h('td.num', process.cut ? `${count(process.circuits.length)} and more` : count(process.circuits.length))));
  drawPane('Fleet', h('section', h('h2', 'Link'), figuresOf(figures)),
    h('section', h('h2', 'Shared circuits', h('small', 'as each process sees them')), shared.length
      ? listTable('Shared circuits by process', ['Circuit', 'Fleet says', 'Votes to open', ...names.map((text, at) => ({ text: [bdi(text), processes[at].this ? ' (this)' : ''], dress: 'mid', title: processes[at].name })), 'Probe lease'], lines)
      : h('p.soft', 'The fleet has agreed on nothing yet, and nobody has voted.')),
    h('section', h('h2', 'Processes', h('small', 'that have said lately that they are there')), listTable('Processes', ['Process', 'Vote', 'Link', 'Version', numbers('Circuits not closed')], ofProcesses)));
}
const LINKS = { connected: 'Connected', degraded: 'Connected, refused in part', disconnected: 'Disconnected, deciding alone' };
function linkPill(link, isOld = isUnknown()) {
  const status = link.degraded && link.status === 'connected' ? 'degraded' : link.status, isUp = status === 'connected';
  const words = LINKS[status] ?? status;
  if (isOld || isUnknown()) return h('span.pill.unknown', icon('unknown'), `was ${words.toLowerCase()}`);
  return h(`span.pill.${isUp ? 'closed' : 'half_open'}`, icon(isUp ? 'closed' : 'unknown'), words);
}
// What tells processes apart: what they all begin with is left out.
function shortName(name, processes) {
  if (processes.length < 2) return name;
  let same = 0;
  while (same < name.length && processes.every(process => process.name[same] === name[same])) same++;
  const cut = Math.max(name.lastIndexOf('-', same - 1), name.lastIndexOf('.', same - 1), name.lastIndexOf(':', same - 1)) + 1;
  return name.slice(cut) || name;
}
function fleetSays(one) {
  const kind = one.override ?? one.state;
  if (!kind) return soft('nothing yet');
  const words = one.actor ? [', ', bdi(one.actor)] : one.cause ? `, by ${one.cause}` : '';
  return [pill(null, kind), h('span.tag', words)];
}
function fleetCell(process, one) {
  const seen = process.circuits.find(({ name }) => name === one.name);
  const kind = seen ? seen.override ?? seen.state : process.cut ? 'unknown' : 'closed';
  const holds = one.leases.some(lease => lease.process === process.name);
  return h('td.mid', h('span', { class: `cell ${kind}${holds ? ' holds' : ''}`, title: `${process.name}: ${lower(kind)}` }, icon(kind), h('span.unseen', WORD[kind])));
}
function leaseOf(one, processes, names) {
  if (!one.leases.length) return soft('–');
  return one.leases.map(({ process, left }, at) => {
    const place = processes.findIndex(({ name }) => name === process);
    return [at ? ', ' : '', h('span.lease', 'holds'), ' ', bdi(place < 0 ? process : names[place]), ` probes, ${span(left)} left`];
  });
}

// ---- Commands.

const commandsOn = c => (site.audit ?? []).filter(entry => entry.circuit === c.name || entry.circuit === null);

function commandTable(entries, hasTarget) {
  const heads = ['When', 'Who', 'What', ...hasTarget ? ['On'] : [], 'For', 'Where', 'Reason', 'Result'];
  const lines = entries.map(entry => {
    const isFleet = entry.command.startsWith('fleet '), command = entry.command.replace(/^fleet /, '').replace(/ failed$/, '');
    const lasts = known(entry.for) ? span(entry.for) : /^(force|observe)/.test(command) ? 'until released' : '–';
    const who = [entry.actor === null ? soft('not said') : [entry.actor_checked || entry.actor === 'expiry' ? '' : 'says ', bdi(entry.actor)], hasTarget && entry.peer && h('span.tag', ` ${entry.peer}`)];
    return h('tr', h('td', time(entry.at)), h('td.wrap', who), h('td', command.replaceAll('-', ' ')), hasTarget && h('td.wrap', entry.circuit === null ? 'all circuits' : circuitLink(entry.circuit)),
      h('td', lasts), h('td', isFleet ? 'fleet' : 'here'), h('td.wrap', entry.reason ? bdi(entry.reason) : soft('none given')), h('td.wrap', entry.failed ? [b('failed'), ': ', bdi(entry.failed)] : isFleet ? 'given to the fleet' : 'done'));
  });
  return tableOf(hasTarget ? 'table.list' : 'table.plain', { 'aria-label': 'Commands' }, heads.map(texts), lines);
}

function drawCommands() {
  const refused = site.refused.map(entry => h('tr', h('td', time(entry.at)), h('td', entry.peer ?? soft('not known')), h('td', entry.reason.replaceAll('_', ' ')), h('td.num', count(entry.count))));
  drawPane('Commands', site.audit.length ? sideways('Commands', commandTable(site.audit, true)) : h('p.soft', 'No command was given yet.'),
    refused.length > 0 && h('section', h('h2', 'Refused'), listTable('Refused commands', ['First', 'From', 'Because of', numbers('How often')], refused)),
    h('p.soft', 'The last 256 commands that this process was given, and the last 100 that it refused. They end with the process: keep them from its log.'));
}
