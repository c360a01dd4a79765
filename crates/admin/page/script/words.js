
// ---- Words and numbers.

// The worst first.
const WORD = {
  open: 'Open', forced_open: 'Forced open', isolated: 'Isolated', half_open: 'Half-open', hung: 'Hung calls',
  kept: 'Kept closed', shedding: 'Shedding', ramping: 'Ramping', forced_closed: 'Forced closed', observing: 'Observing',
  closed: 'Closed', unknown: 'Unknown',
};
const ORDER = Object.keys(WORD);
const PLACE = Object.fromEntries(ORDER.map((kind, place) => [kind, place]));
const CLASSES = [
  ['open'], ['forced_open'], ['isolated'], ['half_open'], ['risk', 'At risk', ['hung', 'kept', 'shedding', 'ramping']],
  ['unprotected', 'Unprotected', ['forced_closed', 'observing']], ['closed'],
].map(([key, text = WORD[key], kinds = [key]]) => [key, text, kinds]);
const CLASS_OF = Object.fromEntries(CLASSES.flatMap(([key, , kinds]) => kinds.map(kind => [kind, key])));
const lower = kind => WORD[kind].toLowerCase();

const whole = new Intl.NumberFormat('en'), tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const known = value => value !== null && value !== undefined;
const count = value => known(value) ? whole.format(value) : '–';
// Below ten one decimal, above none; a dash is not known.
function rate(value) {
  if (!known(value)) return '–';
  return value > 0 && value < 9.95 ? tenths.format(value) : whole.format(Math.round(value));
}
function percent(share) {
  if (!known(share)) return '–';
  return share > 0 && share < .0995 ? tenths.format(share * 100) : String(Math.round(share * 100));
}
const limitOf = share => `${Math.round(share * 1000) / 10} %`;
const millis = value => known(value) ? whole.format(Math.round(value)) : '–';
const many = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

// Two units at most, and none below minutes after ten of them.
const UNITS = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
function span(seconds) {
  seconds = Math.max(0, Math.round(seconds));
  const at = UNITS.findIndex(([size]) => seconds >= size);
  if (at < 0) return '0\u00a0s';
  const [size, unit] = UNITS[at], first = Math.floor(seconds / size), next = UNITS[at + 1];
  const second = next ? Math.floor(seconds % size / next[0]) : 0;
  const hasSecond = second && !(unit === 'min' && first >= 10);
  return `${first}\u00a0${unit}${hasSecond ? `\u00a0${second}\u00a0${next[1]}` : ''}`;
}
// What is less than a second matters for what is set in fractions of one.
const brief = seconds => seconds > 0 && seconds < 1 ? `${Math.round(seconds * 1000)}\u00a0ms` : span(seconds);

// Times of day, by the server's clock, in the zone that was chosen.
let zone = 'UTC', ofDay, ofDays;
function setZone(chosen) {
  zone = chosen;
  const format = parts => new Intl.DateTimeFormat('en-GB', { hourCycle: 'h23', ...(zone && { timeZone: zone }), ...parts });
  ofDay = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
  ofDays = format({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}
const clock = at => Math.abs(now() - at) > 20 * 3600e3 ? ofDays.format(at) : ofDay.format(at);
const minute = at => Math.abs(now() - at) > 20 * 3600e3 ? ofDays.format(at) : ofDay.format(at).slice(0, 5);
const time = at => h('time', { datetime: new Date(at).toISOString() }, clock(at));
const since = at => span((asOf() - at) / 1000);

// ---- Why a circuit tripped or changed, in a sentence.

function reasonText(trip) {
  const { reason, kind, limits, window: seen, open_for: openFor } = trip;
  const of = `${count(seen.failures)} of ${count(seen.calls)} calls failed`;
  switch (reason) {
    case 'failure_rate': return `${of}, limit ${limitOf(limits.failure_rate)}`;
    case 'failure_rate_confident': return `${of}: over ${limitOf(limits.failure_rate_confident)} with ${limitOf(limits.confidence)} confidence`;
    case 'slow_call_rate': return `${count(Math.min(seen.calls, seen.slow_calls))} of ${count(seen.calls)} calls over ${span2(limits.slower_than)}, limit ${limitOf(limits.slow_call_rate)}`;
    case 'consecutive_failures': return `${count(limits.consecutive_failures)} failures in a row`;
    case 'consecutive_failures_of_kind': return `${apart(kind)} failures in a row`;
    case 'failure_count': return `${count(seen.failures)} failures in the window, limit ${count(limits.failure_count)}`;
    case 'stalled_calls': return `${count(trip.stalled_calls)} calls hung for over ${span2(limits.older_than)}, limit ${count(limits.stalled_calls)}`;
    case 'upstream_asked': return `The upstream asked for ${span(openFor)} (Retry-After)`;
    case 'probes_failed': return `A probe failed${kind ? ` (${apart(kind)})` : ''}; open for ${brief(openFor)} now`;
    case 'probes_unanswered': return `Probes had no answer; open for ${brief(openFor)} now`;
    default: return reasonWords(reason);
  }
}
const WORDS_OF_REASONS = {
  probes_ignored: 'Probes were answered and ignored', open_time_over: 'The open time was over', probes_succeeded: 'The probes succeeded',
  health_probe: 'The health probe answered', operator: 'An operator', override_over: 'The override was over', restored: 'As the earlier process left it',
  fleet: 'The fleet opened it', lease_over: "The probe's time was over without a verdict", throttled: 'Shed',
};
function reasonWords(reason) {
  if (!reason) return '';
  const words = WORDS_OF_REASONS[reason] ?? reason.replaceAll('_', ' ');
  return words[0].toUpperCase() + words.slice(1);
}
// The same for a column: the limit is left out.
const shortReason = trip => reasonText(trip).split(', limit')[0].replace(' calls failed', ' failed').replace(/ calls over .*/, ' slow').replace(/: over .*/, '');
const span2 = seconds => seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${Math.round(seconds * 10) / 10} s`;
