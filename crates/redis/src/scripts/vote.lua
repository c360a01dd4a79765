-- A node's circuit has tripped. The fleet's opens when enough have within the vote window.
-- KEYS: record, changes, votes. ARGV: channel, name, node, known epoch, open time in ms, step, vote window in
-- ms, quorum, cause, what is to stand among the votes (whose it is, and who casts it), what stood
-- there of the same process if it voted as another. Gives: the votes that stand, 0, the view.
local channel, name, node = ARGV[1], ARGV[2], ARGV[3]
local known, lasts, step = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local window, quorum, cause = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
local entry, other = ARGV[10], ARGV[11]

local now = now_us()
local record, foreign = read(KEYS[1], now)
if foreign then
  return foreign
end
local now_ms = math.floor(now / 1000)
local is_open = record and record.state == 'o' and record.ends > now_ms
-- The trip is older than the fleet's last word; a node that has heard none yet is not stale.
local is_stale = record and known > 0 and record.epoch > known
if is_forced(record, now) or is_open or is_stale then
  return {0, 0, view(record, now)}
end
redis.call('ZREM', KEYS[3], other)
redis.call('ZADD', KEYS[3], whole(now_ms), entry)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. whole(now_ms - window))
-- Cast before that clock was set back, or by nobody of ours.
redis.call('ZREMRANGEBYSCORE', KEYS[3], '(' .. whole(now_ms), '+inf')
-- The newest thousand: whoever comes back under ever new names fills no more.
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1001)
redis.call('PEXPIRE', KEYS[3], whole(window))
local votes, seen = 0, { ['*'] = true }
for _, cast in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  local vote = string.match(cast, '^%S+')
  if not seen[vote] then
    seen[vote] = true
    votes = votes + 1
  end
end
-- The one of all that have just joined counts where no other does: each of them may have voted before,
-- and crashed since.
votes = math.max(votes, 1)
if votes < quorum then
  return {votes, 0, view(record, now)}
end
redis.call('DEL', KEYS[3])
local seen = write(KEYS[1], KEYS[2], channel, name, {
  epoch = next_epoch(record, known, now), state = 'o', ends = now_ms + lasts, lasts = lasts,
  step = step, cause = cause, node = node,
}, now)
return {votes, 0, seen}
