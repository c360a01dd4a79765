-- Adds to what the whole fleet has met, in buckets of Redis' own time, and sums the last of them.
-- Each epoch has buckets of its own: what was met before a change does not count after it.
-- KEYS: record, the start of the buckets' keys. ARGV: calls, failures, ms of a bucket, how many count.
-- Gives: calls and failures of the fleet.
local width, buckets = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_us()
local record, foreign = read(KEYS[1], now)
if foreign then
  return foreign
end
local start = KEYS[2] .. whole(record and record.epoch or 0) .. ':'
local last = math.floor(now / 1000 / width)

if tonumber(ARGV[1]) > 0 then
  local bucket = start .. whole(last)
  redis.call('HINCRBY', bucket, 'calls', ARGV[1])
  redis.call('HINCRBY', bucket, 'failures', ARGV[2])
  redis.call('PEXPIRE', bucket, whole(width * (buckets + 1)))
end
local calls, failures = 0, 0
for bucket = last - buckets + 1, last do
  local counts = redis.call('HMGET', start .. whole(bucket), 'calls', 'failures')
  calls = calls + (tonumber(counts[1]) or 0)
  failures = failures + (tonumber(counts[2]) or 0)
end
return {calls, failures, ''}
