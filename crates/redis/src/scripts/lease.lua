-- A node asks to probe in the open epoch `epoch`. There is one key for each that may do so at once.
-- KEYS: record, leases. ARGV: node, epoch, how long in ms.
-- Gives: 1 granted, 0 denied or -1 over; the ms until the lease ends, or until the first of the
-- others does; the view.
local node, epoch, lasts = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local now = now_us()
local record, foreign = read(KEYS[1], now)
if foreign then
  return foreign
end
if record and record.epoch > epoch then
  return {-1, 0, view(record, now)}
end
local first
for slot = 2, #KEYS do
  -- Asked again, because the answer was lost: the same lease.
  if redis.call('SET', KEYS[slot], node, 'NX', 'PX', lasts)
    or redis.call('GET', KEYS[slot]) == node then
    return {1, redis.call('PTTL', KEYS[slot]), view(record, now)}
  end
  local left = redis.call('PTTL', KEYS[slot])
  if left < 0 then
    -- Nobody would ever get it: better each for itself.
    return redis.error_reply('FOREIGN a lease without end')
  end
  first = math.min(first or left, left)
end
return {0, math.max(0, first or 0), view(record, now)}
