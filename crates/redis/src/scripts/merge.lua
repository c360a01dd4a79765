-- Adds to what the whole fleet has met, in buckets of Redis' own time, and sums the last of them, for
-- many circuits of a partition at once. A circuit's field holds an epoch and its buckets:
-- `epoch;bucket:calls:failures;..`. What was met before a change does not count after it.
-- The field `s` says since when there are failures, and when the last was added.
-- There are two hashes, of the present span of time and of the one before: so each expires by itself.
-- KEYS: the start of the hashes' keys, the number of changes: that there are failures is one, so that
-- all processes add what they meet. ARGV: ms of a
-- bucket, how many count, then for each circuit its name, epoch, calls and failures.
-- Gives: for how many ms there have been failures (-1: none), and for each circuit calls and failures.
local width, buckets = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = now_us()
local now_ms = math.floor(now / 1000)
local last = math.floor(now_ms / width)
-- At least as long as failures are remembered.
local counts_for = math.max(5000, width * buckets)
local span = math.floor(now_ms / counts_for)
local before, present = KEYS[1] .. whole(span - 1), KEYS[1] .. whole(span)

local names, has_failures = { 's' }, false
for at = 3, #ARGV, 4 do
  names[#names + 1] = 'c' .. ARGV[at]
  has_failures = has_failures or tonumber(ARGV[at + 3]) > 0
end

-- The buckets in `field` of an epoch that is not older; where it is newer than known, that is known.
local function take(field, met)
  if not field then
    return
  end
  local epoch = tonumber(string.match(field, '^(%d+);')) or 0
  if epoch < met.epoch then
    return
  end
  if epoch > met.epoch then
    met.epoch, met.buckets, met.is_late = epoch, {}, true
  end
  for bucket, calls, failures in string.gmatch(field, '(%d+):(%d+):(%d+)') do
    bucket = tonumber(bucket)
    if bucket > last - buckets and bucket <= last then
      met.buckets[bucket] = { tonumber(calls), tonumber(failures) }
    end
  end
end

local sums, fields = {}, {}
local olds = redis.call('HMGET', before, unpack(names))
local news = redis.call('HMGET', present, unpack(names))
for at = 2, #names do
  local given = 3 + (at - 2) * 4
  local met = { epoch = tonumber(ARGV[given + 1]), buckets = {} }
  take(olds[at], met)
  take(news[at], met)
  if not met.is_late then
    local bucket = met.buckets[last] or { 0, 0 }
    met.buckets[last] = { bucket[1] + ARGV[given + 2], bucket[2] + ARGV[given + 3] }
  end
  local calls, failures, field = 0, 0, { whole(met.epoch) }
  for bucket, sum in pairs(met.buckets) do
    calls, failures = calls + sum[1], failures + sum[2]
    if math.floor(bucket * width / counts_for) >= span then
      field[#field + 1] = whole(bucket) .. ':' .. whole(sum[1]) .. ':' .. whole(sum[2])
    end
  end
  sums[#sums + 1] = calls
  sums[#sums + 1] = failures
  fields[#fields + 1] = names[at]
  fields[#fields + 1] = table.concat(field, ';') .. ';'
end

-- A failure counts for the window, and at least for some times of merging.
local since, latest = string.match(news[1] or olds[1] or '', '^(%d+):(%d+)$')
since, latest = tonumber(since), tonumber(latest)
if since and now_ms - latest > counts_for then
  since = nil
end
if has_failures then
  if not since then
    since = now_ms
    changed(KEYS[2], now)
  end
  latest = now_ms
end
if since then
  fields[#fields + 1] = 's'
  fields[#fields + 1] = whole(since) .. ':' .. whole(latest)
end
if #fields > 0 then
  redis.call('HSET', present, unpack(fields))
  redis.call('PEXPIRE', present, whole(2 * counts_for))
end
return { since and math.max(0, now_ms - since) or -1, unpack(sums) }
