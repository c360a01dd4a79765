-- Redis has lost a record, or has an older one, that a node still knows; or is to keep the present one.
-- KEYS: record, changes. ARGV: channel, name, node, epoch, state, ms left, open time in ms, step, cause,
-- and who has forced it and why, as they stand in a record.
-- Gives: 1 if the node's record was put in, 0, the view.
local channel, name, node = ARGV[1], ARGV[2], ARGV[3]
local epoch, state, left = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local lasts = tonumber(ARGV[7])

local now = now_us()
local record, foreign = read(KEYS[1], now)
if foreign then
  return foreign
end
if is_ahead(epoch, now) then
  return ahead()
end
if record and record.epoch >= epoch then
  if is_forced(record, now) then
    redis.call('PEXPIRE', KEYS[1], whole(left_of(record, now) + KEEP))
  end
  return {0, 0, view(record, now)}
end
local seen = write(KEYS[1], KEYS[2], channel, name, {
  epoch = epoch, state = state, ends = lasts > 0 and math.floor(now / 1000) + left or 0,
  lasts = lasts, step = tonumber(ARGV[8]), cause = ARGV[9], node = node,
  words = said(ARGV[10], ARGV[11]),
}, now)
return {1, 0, seen}
