
// ---- What is in sight is looked at more closely: figures each second, and what has happened to those
// that are not closed.

const MOST_ASKED = 200, DETAILS = 60;
let lookTimer = 0, looks = false, looksAgain = false;

function lookSoon(after = 0) {
  clearTimeout(lookTimer);
  lookTimer = setTimeout(look, after);
}

async function look() {
  if (looks) {
    looksAgain = true;
    return;
  }
  looks = true;
  try {
    if (isLive() && !document.hidden) await lookAtAll();
  } finally {
    looks = false;
    lookSoon(looksAgain ? 100 : 1000);
    looksAgain = false;
  }
}

async function lookAtAll() {
  const seen = inSight(), near = new Set([...incidentRows().flatMap(row => row.all).slice(0, DETAILS), ...seen]);
  if (opened) near.add(opened);
  await lookAtUnknown([...near]);
  await lookAtFigures([...near].slice(0, MOST_ASKED));
  await lookAtDetails([...near]);
  await lookAtHistory(seen);
  if (opened) await lookAtOpened();
  await lookAtRest();
  plan();
}

// Of new ones, and of those in sight that were told of in few words, whole rows.
async function lookAtUnknown(near) {
  const ids = [...unknownRows, ...near.filter(c => c.isBrief).map(c => c.id)].slice(0, MOST_ASKED);
  if (!ids.length) return;
  const news = await ofThisProcess(`circuits?form=rows&ids=${ids}`);
  if (!news) return;
  for (const id of ids) unknownRows.delete(id);
  for (const row of rowsOf(news)) takeRow(row, news);
}

async function lookAtFigures(seen) {
  if (!seen.length) return;
  const news = await ofThisProcess(`circuits/counts?ids=${seen.map(c => c.id)}`);
  for (const data of news?.circuits ?? []) takeFine(data);
}

// What has not changed since is known already; what moves without a change is asked for each two seconds.
function wantsDetail(c) {
  if (c.kind === 'closed' && c.tripped === null) return false;
  if (!c.detail || c.detailOf !== c.changed) return true;
  if (c.tripped !== null && !tripOf(c)) return true;
  return c.kind !== 'closed' && now() - c.detail.at > 2000;
}

async function lookAtDetails(near) {
  const wanted = near.filter(c => c !== opened && wantsDetail(c)).slice(0, DETAILS);
  if (!wanted.length) return;
  const news = await ofThisProcess(`circuits?ids=${wanted.map(c => c.id)}`);
  for (const data of news?.circuits ?? []) takeDetail(data, news.at);
}

async function lookAtHistory(seen) {
  if (!site.keepsHistory) return;
  const wanted = seen.filter(c => c.samplesFrom !== site.boot).slice(0, MOST_ASKED);
  if (!wanted.length) return;
  const { status, data } = await question(`circuits/history?last=5m&ids=${wanted.map(c => c.id)}`);
  if (status === 404) site.keepsHistory = false;
  if (!data || bootOf(data.seq) !== site.boot) return;
  for (const one of data.circuits) if (byId.has(one.id)) takeHistory(byId.get(one.id), one);
  // Of these nothing is kept: they begin here.
  for (const id of data.unknown) if (byId.has(id)) byId.get(id).samplesFrom = site.boot;
}

async function lookAtOpened() {
  const c = opened;
  const { data } = await question(`circuits?name=${encodeURIComponent(c.name)}`);
  if (data) takeDetail(data);
  if (site.keepsHistory && now() - (c.hourAt ?? 0) > 30000) {
    const hour = await question(`circuits/history?last=1h&name=${encodeURIComponent(c.name)}`);
    if (hour.data) Object.assign(c, { hour: hour.data, hourAt: now() });
  }
  if (opened === c) drawDrawer();
}

const due = {};
// Whether it is time for what is asked for each so many seconds.
function isDue(what, seconds) {
  if (due[what] > performance.now()) return false;
  due[what] = performance.now() + seconds * 1000;
  return true;
}

async function lookAtRest() {
  if (isDue('groups', view.tab === 'groups' ? 3 : 30)) {
    const { data } = await question('groups');
    if (data) takeGroups(data.groups);
  }
  const fleetIsSeen = view.tab === 'fleet' || opened;
  if (isDue('fleet', site.fleet === undefined ? 60 : fleetIsSeen ? 2 : shownIncidents.length ? 3 : 15)) {
    const { status, data } = await question('fleet');
    if (data) {
      site.fleet = data;
      site.fleetAt = now();
    } else if (status === 404) site.fleet = undefined;
  }
  site.isLookedAt = true;
}

function takeGroups(groups) {
  site.groups = groups;
  for (const c of circuits.values()) c.groups = [];
  for (const group of groups) for (const member of group.members) circuits.get(member)?.groups.push(group.name);
}

async function askForAudit() {
  const { status, data } = await question('audit');
  // What gave no answer is asked again with the next tick.
  if (!data && status !== 403) site.audited = -1;
  // The commands of others are shown to those who may give some, or are on this machine.
  if (status === 403) site.audit = null;
  if (data) {
    site.audit = data.entries.map(entry => ({ ...entry, at: Date.parse(entry.at) })).reverse();
    site.refused = data.refused.entries.map(entry => ({ ...entry, at: Date.parse(entry.at) })).reverse();
  }
  plan();
}
