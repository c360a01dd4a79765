
// ---- The line to the service: by fetch, which can show a token. The one place that decides whether
// anything may be believed.

// The page may be at a path with or without a slash at its end.
const base = location.pathname.replace(/\/*$/, '/');
const LATE = 3, LOST = 5, PATIENCE = 10000, POLL = 2000;
const TWO = 'Another process answers now: a restart, or two behind one address, of which to open one';
const SILENT = 'No events came for 5 s: is the service away, or does a proxy collect them?';
const FOREIGN = 'The answer is not from this service: a sign-in page?';
const link = {
  // connecting: nothing heard yet; live; lost; away: hidden; token: one is needed.
  phase: 'connecting', why: '', began: Date.now(), tries: 0, nextAt: null, heard: null, isPolling: false,
  isRefused: false, waitsUntil: null, gaveUp: '', isWanted: false, abort: null, wake: () => {},
  // Whether the last attempt ended before a tick came; when a hidden tab last heard.
  isShaky: false, titleHeard: null,
};
const isLive = () => link.phase === 'live';
const isUnknown = () => !isLive();
// How old what is shown is, in seconds; null before anything was heard.
// One clock stands still while the machine sleeps.
const age = () => link.heard === null ? null : Math.max(performance.now() - link.heard, Date.now() - link.heardAt) / 1000;
// The moment for which what is shown was so.
const asOf = () => isLive() || link.heard === null ? now() : now() - age() * 1000;
// Which process it is: numbers of circuits are its own.
const bootOf = seq => seq.split('-')[0];

let token = keep('token') ?? '';
function keep(key, value) {
  try {
    if (value === undefined) return sessionStorage.getItem(key);
    sessionStorage.setItem(key, value);
  } catch { /* kept by this page alone */ }
  return null;
}
const asked = (signal, more) => ({
  headers: { ...(token && { authorization: `Bearer ${token}` }), ...more },
  cache: 'no-store', credentials: 'same-origin', signal,
});

class Ended extends Error {}
// Ends what goes on, since something else has shown that it is not to be believed.
function giveUp(why) {
  link.gaveUp = why;
  link.abort.abort();
}

async function keepLive() {
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    if (document.hidden && hiddenFor() > AWAY) await stayAway();
    link.abort = new AbortController();
    link.gaveUp = '';
    let why = 'The connection is lost';
    try {
      await load();
      await follow();
    } catch (error) {
      if (link.gaveUp) why = link.gaveUp;
      else if (error instanceof Ended) why = error.message || why;
      else if (link.phase === 'connecting') why = 'No answer';
    }
    link.abort.abort();
    leaveStream();
    if (document.hidden && hiddenFor() > AWAY) continue;
    if (!link.isShaky) wait = 1;
    if (why === AGAIN && !link.isShaky) {
      link.isShaky = true;
      continue;
    }
    link.isShaky = !link.isRefused;
    lose(why);
    await rest(link.phase === 'token' && link.isRefused ? null : wait);
  }
}

function lose(why) {
  if (link.phase === 'live' || link.phase === 'away') {
    link.phase = link.heard === null ? 'connecting' : 'lost';
    for (const c of circuits.values()) c.samplesFrom = null;
  }
  link.why = why;
  link.tries += 1;
  plan();
}

// Waits for some seconds, or until somebody wants to try.
function rest(seconds) {
  link.nextAt = seconds === null ? null : Date.now() + seconds * 1000;
  if (link.isWanted) return Promise.resolve(link.isWanted = false);
  return new Promise(done => {
    const end = () => {
      clearTimeout(timer);
      link.wake = () => {};
      link.isWanted = false;
      done();
    };
    const timer = seconds === null ? 0 : setTimeout(end, seconds * 1000);
    link.wake = end;
  });
}
// The seconds until then; null where nothing is waited for.
const untilNext = () => link.nextAt === null ? null : Math.max(0, Math.ceil((link.nextAt - Date.now()) / 1000));
function tryNow() {
  link.nextAt = null;
  // Before somebody waits it is known when somebody will.
  link.isWanted = link.phase !== 'live';
  link.wake();
}

// An answer of this service, or why there is none.
async function answerTo(path, signal) {
  const sent = token, response = await fetch(`${base}${path}`, asked(signal));
  // Another token was given meanwhile: what this one was told does not matter.
  if (token !== sent) throw new Ended(AGAIN);
  if (response.status === 401 || response.status === 429) await refuse(response);
  if (response.ok && (isJson(response) || typeOf(response).startsWith('text/event-stream'))) return response;
  if (isJson(response)) throw new Ended((await response.json()).detail);
  if (response.ok) throw new Ended(FOREIGN);
  throw new Ended(`The answer was ${response.status}${response.statusText ? ` (${response.statusText})` : ''}, not from this service`);
}

const typeOf = response => response.headers.get('content-type') ?? '';
// A problem is JSON, too.
const isJson = response => /^application\/(problem\+)?json/.test(typeOf(response));

async function refuse(response) {
  const problem = isJson(response) ? await response.json() : null;
  if (!problem) throw new Ended(FOREIGN);
  const seconds = Number(response.headers.get('retry-after'));
  link.isRefused = true;
  link.waitsUntil = response.status === 429 && seconds ? Date.now() + seconds * 1000 : null;
  link.phase = 'token';
  throw new Ended(problem.detail);
}

async function load() {
  const limit = setTimeout(() => link.abort.abort(), PATIENCE);
  try {
    const response = await answerTo('circuits?form=rows', link.abort.signal);
    link.isRefused = false;
    const news = await response.json();
    takeAll(news);
  } finally {
    clearTimeout(limit);
  }
  heardSomething();
  if (link.phase === 'token') link.phase = 'connecting';
  // Where no tick came the last time, one is waited for.
  if (!link.isShaky) beLive();
  askForAudit();
  lookSoon();
  isFilterStale = true;
  plan();
}

function heardSomething() {
  link.heard = performance.now();
  link.heardAt = Date.now();
}
function beLive() {
  Object.assign(link, { phase: 'live', why: '', tries: 0, nextAt: null, waitsUntil: null, isWanted: false });
}

// Goes on from what was loaded, as a reader of the stream or, where other tabs hold all connections
// that a browser has for one host, by asking.
async function follow() {
  while (!(document.hidden && hiddenFor() > AWAY)) {
    link.isPolling = !await mayHold();
    plan();
    if (!link.isPolling) await readFrames(() => false);
    await readFrames(kind => kind === 'tick');
    const begun = performance.now();
    while (performance.now() - begun < POLL - 50 && !link.abort.signal.aborted) await pause(50);
    if (link.abort.signal.aborted) throw new Ended('');
  }
}
const pause = time => new Promise(done => setTimeout(done, time));

// Reads frames until the connection ends, or after the first of which `isEnough` says so.
async function readFrames(isEnough) {
  // It may have ended while somebody else was asked.
  link.abort.signal.throwIfAborted();
  const abort = new AbortController(), stop = () => abort.abort();
  link.abort.signal.addEventListener('abort', stop, { once: true });
  const silent = () => {
    link.gaveUp ||= SILENT;
    stop();
  };
  let silence = setTimeout(silent, LOST * 1000);
  try {
    const response = await answerTo(`events?after=${site.seq}`, abort.signal);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ;) {
      const { value, done } = await reader.read();
      if (done) throw new Ended('');
      const from = Math.max(0, text.length - 1);
      text += value;
      if (!text.includes('\n\n', from)) continue;
      const frames = text.split('\n\n');
      text = frames.pop();
      // All that has come is taken before it is enough.
      const kinds = frames.map(hear);
      // The tick alone says that the service goes on: a proxy may add what it likes.
      if (kinds.includes('tick')) {
        clearTimeout(silence);
        silence = setTimeout(silent, LOST * 1000);
      }
      if (kinds.some(isEnough)) return;
    }
  } finally {
    clearTimeout(silence);
    link.abort.signal.removeEventListener('abort', stop);
    abort.abort();
  }
}
const AGAIN = 'again';

function hear(frame) {
  // JSON may hold U+2028 and U+2029, which end a line for a pattern without `s`.
  const [, seq, kind, json] = /^id: (\w+-\d+)\nevent: (\w+)\ndata: (.*)$/s.exec(frame) ?? [];
  if (!kind) return null;
  // What is gone may be of the process that was here before: all is asked for again.
  if (kind === 'gone') throw new Ended(bootOf(seq) === site.boot ? AGAIN : TWO);
  if (bootOf(seq) !== site.boot) throw new Ended(TWO);
  site.seq = seq;
  takeFrame(kind, JSON.parse(json));
  if (kind === 'tick') {
    heardSomething();
    link.isShaky = false;
    if (!isLive() && link.phase !== 'token') beLive();
  }
  isOrderStale = true;
  plan();
  return kind;
}

// One question more; what fails is asked again when it is needed again.
async function question(path) {
  try {
    const sent = token, response = await fetch(`${base}${path}`, asked(AbortSignal.timeout(LOST * 1000)));
    // The token was taken back: what is shown is read anew, which says so.
    if ((response.status === 401 || response.status === 429) && sent === token && isLive()) giveUp(AGAIN);
    // What something in front answers says nothing of the service.
    return isJson(response) ? { status: response.status, data: response.ok ? await response.json() : null } : { status: 0, data: null };
  } catch {
    return { status: 0, data: null };
  }
}
// Of another process numbers mean something else.
async function ofThisProcess(path) {
  const { data } = await question(path), boot = site.boot;
  if (!data || bootOf(data.seq) === boot) return data;
  if (isLive()) giveUp(TWO);
  return null;
}

// ---- Of the visible tabs of one origin three hold a stream: a browser has six connections to it.

const MOST_STREAMS = 3, FRESH = 3000, me = { id: Math.random().toString(36).slice(2), since: Date.now() };
const holders = new Map(), others = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tower-circuit-breaker') : null;
let holds = false;
if (others) {
  others.onmessage = ({ data }) => {
    if (data.says === 'leaves') holders.delete(data.id);
    if (data.says === 'holds') holders.set(data.id, { since: data.since, at: Date.now() });
    if (data.says === 'asks' && holds) say('holds');
  };
}
const say = says => others?.postMessage({ says, ...me });
const fresh = () => [...holders].filter(([, { at }]) => Date.now() - at < FRESH);

async function mayHold() {
  if (!others || holds) return true;
  say('asks');
  await pause(150 + Math.random() * 150);
  holds = fresh().length < MOST_STREAMS;
  if (holds) say('holds');
  return holds;
}
function leaveStream() {
  if (holds) say('leaves');
  holds = false;
}
setInterval(() => {
  if (!holds) return;
  // Of those that took a place at once the oldest keep theirs.
  const all = [...fresh().map(([id, { since }]) => ({ id, since })), me];
  all.sort((a, z) => a.since - z.since || (a.id < z.id ? -1 : 1));
  if (all.indexOf(me) < MOST_STREAMS) return say('holds');
  leaveStream();
  giveUp(AGAIN);
}, 1000);

// ---- A hidden tab leaves its stream, and asks for little so that its title stays true.

const AWAY = 5, AWAY_POLL = 10;
let hiddenAt = document.hidden ? performance.now() : null;
const hiddenFor = () => hiddenAt === null ? 0 : (performance.now() - hiddenAt) / 1000;

async function stayAway() {
  leaveStream();
  if (isLive()) link.phase = 'away';
  while (document.hidden) {
    const { data } = await question('summary');
    if (data?.states) {
      site.summary = data;
      site.about = data.about;
      takeTime(data.at);
      link.titleHeard = Date.now();
    }
    drawTitle();
    if (document.hidden) await rest(AWAY_POLL);
    drawTitle();
  }
}

document.addEventListener('visibilitychange', () => {
  hiddenAt = document.hidden ? performance.now() : null;
  if (document.hidden) return leaveSoon();
  for (const c of circuits.values()) c.samplesFrom = null;
  retry();
});
function leaveSoon() {
  setTimeout(() => { if (hiddenFor() >= AWAY - .1) link.abort?.abort(); }, AWAY * 1000);
}
if (document.hidden) leaveSoon();
// Not with a token that was refused: that would be one wrong token more.
function retry() {
  if (link.phase !== 'token') tryNow();
}
addEventListener('online', retry);
addEventListener('pagehide', () => {
  leaveStream();
  link.abort?.abort();
});
addEventListener('pageshow', event => { if (event.persisted) retry(); });
