-- The verdict of a node's probes on the open epoch `epoch`. A verdict on an older one is
-- refused.
-- KEYS: record, changes, votes. ARGV: channel, name, node, epoch, state (c or o), open time in ms, step.
-- Gives: 1 if the verdict stands, 0, the view.
local channel, name, node = ARGV[1], ARGV[2], ARGV[3]
local epoch, state = tonumber(ARGV[4]), ARGV[5]
local lasts, step = tonumber(ARGV[6]), tonumber(ARGV[7])

local now = now_us()
local record, foreign = read(KEYS[1], now)
if foreign then
  return foreign
end
if is_ahead(epoch, now) then
  return ahead()
end
-- An older record is one that Redis got back from an old dump: the node knows better.
if record and (record.epoch > epoch or (record.epoch == epoch and record.state ~= 'o')) then
  return {0, 0, view(record, now)}
end
redis.call('DEL', KEYS[3])
local now_ms = math.floor(now / 1000)
local seen = write(KEYS[1], KEYS[2], channel, name, {
  epoch = next_epoch(record, epoch, now), state = state,
  ends = state == 'o' and now_ms + lasts or 0, lasts = lasts, step = step, cause = 'probes',
  node = node,
}, now)
return {1, 0, seen}
