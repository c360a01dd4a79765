
// ---- Commands: one dialog for one command. It says the consequence before it is sent; what was sent
// lives on as a toast, and touches no dialog but its own.

const VERB = { 'force-open': 'Force open', 'force-closed': 'Force closed', observe: 'Observe', trip: 'Trip', reset: 'Reset', release: 'Release' };
const LASTS = [['5m', '5 min', 300], ['30m', '30 min', 1800], ['2h', '2 h', 7200], ['1day', '1 day', 86400], ['', 'until released', null]];
const KIND_OF = { forced_open: 'force-open', forced_closed: 'force-closed', observing: 'observe' };
const COMMAND_LIMIT = 10000, MUST_COUNT = 20, AT_ONCE = 2;
const form = $('ask').querySelector('form'), field = form.elements;
let asking = null;

const choices = (id, name, options, chosen) => fill($(id).querySelector('.choices'), options.map(([value, text]) => h('label', h('input', { type: 'radio', name, value, checked: value === chosen }), text)));

// Asks for one command on some circuits; `override` stands for the three that impose one.
function ask(command, on) {
  if (!on.length) return;
  const isOverride = command === 'override', changes = isOverride && on.length === 1 && on[0].overridden;
  form.reset();
  asking = { command, on, from: document.activeElement };
  const verb = changes ? 'Change the override of' : isOverride ? 'Override' : VERB[command];
  fill($('ask-title'), `${verb} `, on.length === 1 ? bdi(on[0].name) : many(on.length, 'circuit'));
  show($('ask-touched'), on.length > 1);
  fill($('ask-touched'), on.map(c => h('li', bdi(c.name), soft(lower(c.kind)))));
  show($('ask-what'), isOverride);
  choices('ask-what', 'what', ['force-open', 'force-closed', 'observe'].map(kind => [kind, VERB[kind]]), changes ? KIND_OF[on[0].overridden] : 'force-open');
  show($('ask-for'), isOverride || command === 'trip');
  choices('ask-for', 'lasts', command === 'trip' ? [['', 'its own open time'], ...LASTS.slice(0, 3)] : LASTS, command === 'trip' ? '' : '30m');
  const size = site.fleet?.processes.length ?? 0;
  asking.canFleet = Boolean(site.fleet) && site.may.includes('fleet') && command !== 'trip';
  choices('ask-where', 'where', [['here', 'This process only'], ['fleet', size > 1 ? `All ${size} processes` : 'The whole fleet']], on.length === 1 && on[0].detail?.operators_override?.by_fleet ? 'fleet' : 'here');
  show($('ask-count'), on.length > MUST_COUNT);
  write($('ask-count').querySelector('.label'), `Type ${on.length} to confirm`);
  const mustSay = site.about?.environment === 'production';
  field.reason.required = mustSay;
  write($('ask-reason'), mustSay ? 'Reason, for the log' : 'Reason, for the log (may be left out)');
  field.actor.value = keep('actor') ?? '';
  complain('');
  foretell();
  $('ask').showModal();
  field.reason.focus();
}
function complain(text) {
  write($('ask-error'), text);
  show($('ask-error'), text);
}

const wanted = () => asking.command === 'override' ? field.what.value : asking.command;
const lasting = () => $('ask-for').hidden ? null : LASTS.find(([value]) => value === field.lasts.value)?.[2] ?? null;
const toFleet = () => asking.canFleet && wanted() !== 'observe' && field.where.value === 'fleet';

// What it does, in the numbers of now.
function foretell() {
  if (!asking) return;
  show($('ask-where'), asking.canFleet && wanted() !== 'observe');
  const { on } = asking, command = wanted(), seconds = lasting(), one = on.length === 1;
  const known_ = on.filter(c => known(c.calls)), calls = known_.length ? known_.reduce((sum, c) => sum + c.calls + (c.rejected ?? 0), 0) : null;
  const about = known(calls) ? `about ${rate(calls)}/s now` : 'how many is not known', [it, its, s] = one ? ['it', 'its', 's'] : ['they', 'their', ''];
  const where = toFleet() ? site.fleet.processes.length > 1 ? `in all ${site.fleet.processes.length} processes` : 'in the whole fleet' : 'in this process';
  const until = seconds ? ` until ${minute(now() + seconds * 1000)} (${span(seconds)})` : ' until somebody releases it';
  const says = {
    'force-open': () => `Rejects every call, ${about}, ${where}${until}. Then ${it} start${s} closed with empty counts.`,
    'force-closed': () => `Lets every call through, ${about}, ${where}${until}, also while the upstream is down. There is no protection in that time.`,
    observe: () => `Rejects nothing and goes on counting, in this process${until}. There is no protection in that time.`,
    trip: () => `Opens now${seconds ? ` for ${span(seconds)}` : ` for ${its} own open time`}, then probes as usual. Calls are rejected meanwhile, ${about}.`,
    reset: () => `Closes ${one ? 'it' : 'them'} and clears ${its} counts, ${where}. All calls go to the upstream at once, ${about}. ${on.some(c => c.overridden) ? 'An override stays.' : ''}`,
    release: () => `Ends ${its} override now, ${where}. ${one ? 'It starts' : 'They start'} closed with empty counts: all calls go to the upstream at once, ${about}.`,
  }[command]();
  write($('ask-consequence'), `${says.trim()}${replaced(on, command)}${unaffected(on)}`);
  write($('ask-do'), `${VERB[command]}${one ? '' : ` ${on.length}`}${seconds && !$('ask-for').hidden ? ` for ${span(seconds)}` : ''}`);
}
function replaced(on, command) {
  const before = on.filter(c => c.overridden);
  if (!before.length || !['force-open', 'force-closed', 'observe'].includes(command)) return '';
  const actor = before[0].detail?.override_words?.actor, rest = before.length - 1;
  return ` Replaces “${lower(before[0].overridden)}”${actor ? ` by ${apart(actor)}` : ''}${rest ? ` and ${rest} more` : ''} in one step: nothing else is in force in between.`;
}
function unaffected(on) {
  const isolated = on.filter(c => c.isolations).length;
  if (!isolated) return '';
  return isolated === 1 && on.length === 1 ? ' It is isolated, and stays open whatever is said here.' : ` ${many(isolated, 'circuit')} of these ${isolated === 1 ? 'is' : 'are'} isolated and stay${isolated === 1 ? 's' : ''} open whatever is said here.`;
}

$('ask').addEventListener('input', foretell);
$('ask-cancel').addEventListener('click', () => $('ask').close());
$('ask').addEventListener('close', () => {
  const from = asking?.from;
  asking = null;
  // Back to its button or, where that is gone, to its circuit.
  if (from?.isConnected) from.focus();
  else if (opened) $('drawer').querySelector('h2')?.focus();
  else if (here) focusRow(here);
});
form.addEventListener('submit', event => {
  event.preventDefault();
  const { on } = asking, command = wanted(), what = VERB[command];
  if (!isLive()) return complain('Not connected: nothing was sent.');
  if (on.length > MUST_COUNT && field.count.value.trim() !== String(on.length)) return complain(`Type ${on.length} to confirm.`);
  const body = {};
  for (const key of ['reason', 'actor']) if (field[key].value.trim()) body[key] = field[key].value.trim();
  if (body.actor) keep('actor', body.actor);
  if (lasting() !== null && !$('ask-for').hidden) body.for = field.lasts.value;
  const scope = toFleet() ? '&scope=fleet' : '';
  $('ask').close();
  send({ what, command, on, body, scope });
});

// Sends it for each circuit, and says how that went. What was sent cannot be taken back.
async function send({ what, command, on, body, scope }) {
  const names = on.length === 1 ? apart(on[0].name) : many(on.length, 'circuit');
  const toast = makeToast('', `${what} ${names}: sent, waiting for the answer`), failures = [], left = [...on], { boot } = site;
  let answered = 0;
  const work = async () => {
    for (let c = left.shift(); c; c = left.shift()) {
      // What was asked for of one process is not sent to another, nor minutes later.
      const isSame = isLive() && site.boot === boot;
      const why = isSame ? await sendOne(command, c, body, scope) : 'not sent, since the connection was lost';
      if (why) failures.push({ c, why });
      answered += 1;
      if (on.length > 1 && answered % 10 === 0) toast.say(`${what} ${names}: ${answered} of ${on.length} answered`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  toast.end();
  const done = on.filter(c => !failures.some(failure => failure.c === c));
  for (const c of done) picked.delete(c);
  if (done.length) makeToast('done', `${what}: ${done.length === 1 ? apart(done[0].name) : many(done.length, 'circuit')}${failures.length ? ` of ${on.length}` : ''}. In force at ${ofDay.format(now())}.`);
  for (const why of new Set(failures.map(failure => failure.why))) {
    const those = failures.filter(failure => failure.why === why);
    const which = those.slice(0, 3).map(({ c }) => apart(c.name)).join(', ') + (those.length > 3 ? ` and ${those.length - 3} more` : '');
    makeToast('failed', `${what} ${which}: ${why}`);
  }
  lookSoon();
}

// Why it was not done; nothing where it was. In the query: a browser would take the names . and .. out
// of a path.
async function sendOne(command, c, body, scope) {
  try {
    const response = await fetch(`${base}circuits/${command}?name=${encodeURIComponent(c.name)}${scope}`, {
      ...asked(AbortSignal.timeout(COMMAND_LIMIT), { 'content-type': 'application/json' }), method: 'POST', body: JSON.stringify(body),
    });
    // A sign-in page is an answer, too.
    if (response.ok) return isJson(response) && (await response.json()).name === c.name ? '' : `not done: ${FOREIGN}`;
    return isJson(response) ? `refused: ${(await response.json()).detail}` : `not done: the answer was ${response.status}, not from this service`;
  } catch {
    askForAudit();
    return 'it is not known whether it arrived: look at the commands';
  }
}

// ---- Toasts: a good one goes after a while, a failed one stays until it was seen.

function makeToast(tone, text) {
  const says = h('p', text), element = h(`div.toast.${tone}`, icon(tone === 'done' ? 'closed' : tone === 'failed' ? 'open' : 'unknown'), says, h('button.bare', { 'aria-label': 'Dismiss', onclick: () => element.remove() }, '×'));
  $('toasts').append(element);
  if (tone === 'done') {
    const leave = () => element.matches(':hover, :focus-within') ? setTimeout(leave, 2000) : element.remove();
    setTimeout(leave, 8000);
  }
  return { say: more => write(says, more), end: () => element.remove() };
}
