
// ---- What is known. The figures of all circuits come with the stream; of those in sight more is
// asked for. Times are in milliseconds by the server's clock.

const circuits = new Map(), byId = new Map();
const site = {
  about: null, may: [], control: false, boot: null, seq: null, skew: 0, audited: 0,
  audit: null, refused: [], groups: [], fleet: null, fleetAt: 0, keepsHistory: true, isLookedAt: false, summary: null,
};
const now = () => Date.now() + site.skew;
const maySteer = command => isLive() && site.may.includes(command);

// All there is, in rows: what the stream tells goes on from it. Another process has other numbers.
function takeAll(news) {
  if (site.boot !== bootOf(news.seq)) {
    // What was known of another process is not known of this one.
    for (const c of circuits.values()) Object.assign(c, { detail: null, fine: null, hour: null, hourAt: 0, samplesFrom: null });
    site.summary = null;
    site.keepsHistory = true;
  }
  site.boot = bootOf(news.seq);
  site.seq = news.seq;
  byId.clear();
  unknownRows.clear();
  takeSite(news);
  const here = new Set();
  for (const row of rowsOf(news)) {
    here.add(row.name);
    takeRow(row, news);
  }
  for (const name of circuits.keys()) if (!here.has(name)) remove(name);
}

function takeSite(news) {
  takeTime(news.at);
  site.about = news.about;
  site.may = news.may;
  site.control = news.control;
}
// The server's clock, as far as an answer tells.
function takeTime(at) {
  const skew = at - Date.now();
  // An answer that was long on its way tells an earlier time: the later one is nearer.
  site.skew = Math.abs(skew - site.skew) > 2000 ? skew : Math.max(skew, site.skew - 1);
}

// What is left out at the end of a row is not known.
const rowsOf = ({ columns, circuits: rows }) => rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[at] ?? null])));

function takeRow(row, news) {
  let c = circuits.get(row.name);
  if (!c) circuits.set(row.name, c = { name: row.name, samples: newSamples(), samplesFrom: null, detail: null, fine: null, groups: [] });
  if (byId.get(c.id) === c) byId.delete(c.id);
  byId.set(row.id, c);
  const before = c.kind;
  c.id = row.id;
  c.limits = news.profiles[row.profile];
  c.critical = Boolean(row.critical);
  takeState(c, row, news.at);
  c.isBrief = false;
  c.ramps = known(row.ramp_ends) ? row.ramp_ends * 1000 : null;
  c.tripped = known(row.tripped) ? row.tripped * 1000 : null;
  c.reason = row.reason;
  takeFigures(c, row);
  c.kind = kindOf(c);
  tellChange(c, before);
  return c;
}

function takeState(c, row, at) {
  c.state = row.state;
  c.since = row.since * 1000;
  c.overridden = row.overridden;
  c.isolations = row.isolations ?? 0;
  c.retryAt = known(row.retry_after) ? at + row.retry_after * 1000 : null;
  c.admitted = row.admitted_share;
  c.kept = Boolean(row.kept_closed);
  c.hung = row.stalled_calls ?? 0;
  c.overrideEnds = known(row.override_ends) ? row.override_ends * 1000 : null;
  c.changed = (c.changed ?? 0) + 1;
}

function takeFigures(c, row) {
  c.calls = row.calls_per_second;
  c.failed = row.failure_share;
  c.rejected = row.rejected_per_second;
  c.flight = row.in_flight;
  c.slow = row.slow_call_rate;
  c.p50 = row.p50_ms;
  c.p95 = row.p95_ms;
  c.p99 = row.p99_ms;
  c.nearness = row.nearness ?? 0;
  if (row.nearest !== undefined) c.nearest = row.nearest;
}

// A frame of the stream.
function takeFrame(kind, news) {
  if (known(news.at)) takeTime(news.at);
  switch (kind) {
    case 'change':
      for (const row of rowsOf(news)) takeRow(row, news);
      for (const id of news.removed) if (byId.has(id)) remove(byId.get(id).name);
      break;
    case 'changes':
      for (const row of rowsOf(news)) takeBrief(row, news);
      break;
    case 'counts':
      for (const row of rowsOf(news)) if (byId.has(row.id)) takeFigures(byId.get(row.id), row);
      break;
    case 'tick':
      site.summary = news;
      checkNumber(news.circuits);
      break;
  }
  if (known(news.audit) && news.audit !== site.audited) {
    site.audited = news.audit;
    askForAudit();
  }
}

// A page that has missed one that came or went reads all anew.
let wrongTicks = 0;
function checkNumber(number) {
  wrongTicks = number === circuits.size || unknownRows.size ? 0 : wrongTicks + 1;
  if (wrongTicks < 3) return;
  wrongTicks = 0;
  giveUp(AGAIN);
}

// Many have changed at once: little is told of each.
function takeBrief(row, news) {
  const c = byId.get(row.id);
  if (!c) {
    if (row.name) unknownRows.add(row.id);
    return;
  }
  const before = c.kind;
  takeState(c, row, news.at);
  if (row.reason) c.reason = row.reason;
  c.isBrief = true;
  c.kind = kindOf(c);
  tellChange(c, before);
}
// Those of which nothing but a few words are known: their rows are asked for.
const unknownRows = new Set();

// The figures of those in sight, exact and of this second.
function takeFine(data) {
  const c = byId.get(data.id);
  if (!c || c.name !== data.name) return;
  c.fine = data;
  c.calls = data.calls_per_second;
  c.rejected = data.rejected_per_second;
  c.failed = data.failure_share;
  c.slow = data.slow_call_rate;
  c.flight = data.in_flight;
  c.admitted = data.admitted_share;
  c.hung = data.stalled_calls;
  for (const part of ['p50', 'p95', 'p99']) c[part] = data.latency ? data.latency[part] * 1000 : null;
  c.kind = kindOf(c);
}

// All there is of one circuit.
function takeDetail(data, at) {
  const c = circuits.get(data.name);
  if (!c) return;
  c.detail = { ...data, at: data.at ?? at, config: data.config ?? c.detail?.config };
  c.detailOf = c.changed;
  if (known(data.retry_after)) c.retryAt = c.detail.at + data.retry_after * 1000;
}

function remove(name) {
  const c = circuits.get(name);
  circuits.delete(name);
  if (byId.get(c.id) === c) byId.delete(c.id);
  picked.delete(c);
}

function tellChange(c, before) {
  if (before && before !== c.kind) announce(`${apart(c.name)} is ${lower(c.kind)}`);
}

// ---- What can be made of it.

function kindOf(c) {
  if (c.isolations) return 'isolated';
  if (c.overridden) return c.overridden;
  if (c.state !== 'closed') return c.state;
  const most = c.limits?.stalled_calls;
  if (c.hung && (!known(most) || c.hung >= most / 2)) return 'hung';
  if (c.kept) return 'kept';
  if (known(c.admitted) && c.admitted < 1) return c.ramps ? 'ramping' : 'shedding';
  return 'closed';
}
const isIncident = c => c.kind !== 'closed' && c.kind !== 'forced_closed' && c.kind !== 'observing';
const rejects = c => ['open', 'forced_open', 'isolated'].includes(c.kind);

// Shedding says what is turned away, ramping what is let in.
function shareOf(c) {
  if (c.kind === 'shedding') return ` ${Math.round(100 - c.admitted * 100)} %`;
  return c.kind === 'ramping' ? ` ${Math.round(c.admitted * 100)} %` : '';
}

// How near each rule of a closed circuit is: 1 where it holds.
function rulesOf(c) {
  if (c.state !== 'closed' || c.kind === 'isolated' || c.kind === 'forced_open' || !c.limits) return [];
  const { limits, fine } = c, seen = fine?.window, rules = [];
  const add = (rule, value, limit, text, words, full, failing = full) => { if (known(limit) && limit > 0 && known(value)) rules.push({ rule, share: value / limit, text, words, full, failing }); };
  const failed = fine ? fine.failure_rate : c.nearest === 'failure_rate' ? c.nearness * limits.failure_rate : null;
  const of = seen ? ` of ${many(seen.calls, 'call')}` : '';
  add('failure_rate', failed, limits.failure_rate, limitOf(limits.failure_rate), 'failure rate', `${percent(failed)} %${of}, limit ${limitOf(limits.failure_rate)}`, `${percent(failed)} %${of} fail, limit ${limitOf(limits.failure_rate)}`);
  add('failure_rate_confident', failed, limits.failure_rate_confident, limitOf(limits.failure_rate_confident ?? 0), 'failure rate by more than chance', `${percent(failed)} %${of}, more than ${limitOf(limits.failure_rate_confident ?? 0)}`);
  const run = fine?.consecutive_failures ?? (c.nearest === 'consecutive_failures' ? Math.round(c.nearness * limits.consecutive_failures) : 0);
  add('consecutive_failures', run, limits.consecutive_failures, `${run} of ${limits.consecutive_failures}`, 'failures in a row', `${many(run, 'failure')}, limit ${limits.consecutive_failures}`);
  if (seen) add('failure_count', seen.failures, limits.failure_count, `${count(seen.failures)} of ${limits.failure_count}`, 'failures in the window', `${many(seen.failures, 'failure')}, limit ${limits.failure_count}`);
  add('slow_call_rate', c.slow, limits.slow_call_rate, `slow ${limitOf(limits.slow_call_rate)}`, 'slow calls', `${percent(c.slow)} % over ${span2(limits.slower_than)}, limit ${limitOf(limits.slow_call_rate)}`);
  add('stalled_calls', c.hung, limits.stalled_calls, `${c.hung} of ${limits.stalled_calls}`, 'hung calls', `${c.hung} older than ${span2(limits.older_than)}, limit ${limits.stalled_calls}`);
  return rules;
}
// Without a rule of hung calls it is not known how many hang.
const hungOf = c => known(c.limits?.stalled_calls) || c.hung ? c.hung : null;
const nearestOf = c => rulesOf(c).reduce((best, rule) => !best || rule.share > best.share ? rule : best, null);

// Its last trip, where what is known of it is not of an earlier one.
function tripOf(c) {
  const trip = c.detail?.last_trip;
  if (!trip || c.isBrief) return null;
  return c.tripped !== null && Math.abs(c.detail.at - trip.ago * 1000 - c.tripped) > 2500 ? null : trip;
}

// Since when it is in the kind that is shown; by its detail, where that is not the state's own.
function sinceOf(c) {
  const detail = c.detail;
  if (c.kind === 'isolated') return detail?.isolated_by?.length ? detail.at - detail.isolated_by[0].began_ago * 1000 : null;
  if (c.overridden) return detail?.operators_override ? detail.at - detail.operators_override.imposed_ago * 1000 : null;
  // Of these it is not known.
  if (c.kind === 'kept' || c.kind === 'hung' || c.kind === 'shedding') return null;
  return c.since;
}

// Since when callers are turned away: a probe that fails makes no new outage.
const downSince = c => (c.kind === 'open' || c.kind === 'half_open') && c.tripped !== null && c.tripped < c.since ? c.tripped : sinceOf(c);

// ---- Five minutes of each, a point for five seconds: failures in percent, and a letter for the kind.

const POINTS = 60, EVERY = 5000, HOLE = '-';
const LETTER = { closed: 'c', half_open: 'h', open: 'o', forced_open: 'f', forced_closed: 'p', observing: 'w', isolated: 'i', hung: 'c', kept: 'c', shedding: 's', ramping: 's' };
const newSamples = () => ({ failed: [], shown: '' });
function takeHistory(c, { failed, shown }) {
  // The last point of an answer is not over: it comes again here.
  c.samples = { failed: failed.slice(0, -1), shown: shown.slice(0, -1) };
  c.samplesFrom = site.boot;
}
function addSample(c, isKnown) {
  const { samples } = c;
  samples.failed.push(isKnown && known(c.failed) && c.calls ? Math.round(c.failed * 100) : null);
  samples.shown += isKnown ? LETTER[c.kind] : HOLE;
  if (samples.failed.length > POINTS) {
    samples.failed.shift();
    samples.shown = samples.shown.slice(1);
  }
}
// No point while nothing is heard: what was not seen is a hole.
let sampledAt = Date.now();
setInterval(() => {
  const missed = Math.min(POINTS, Math.round((Date.now() - sampledAt) / EVERY) - 1);
  sampledAt = Date.now();
  for (const c of circuits.values()) {
    for (let at = 0; at < missed; at++) addSample(c, false);
    addSample(c, isLive());
  }
}, EVERY);
