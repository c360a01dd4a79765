-- Who has voted for a circuit to open, and who may probe. KEYS: votes, leases. ARGV: vote window in ms.
-- Gives: a list of votes, and a list of leases, each as its holder and its ms.
local votes, leases = {}, {}
local now_ms = math.floor(now_us() / 1000)
if redis.call('TYPE', KEYS[1]).ok == 'zset' then
  votes = redis.call('ZRANGEBYSCORE', KEYS[1], whole(now_ms - tonumber(ARGV[1])), whole(now_ms),
    'LIMIT', 0, 1000)
end
for slot = 2, #KEYS do
  local left = redis.call('PTTL', KEYS[slot])
  if left > 0 and redis.call('TYPE', KEYS[slot]).ok == 'string' then
    leases[#leases + 1] = string.sub(redis.call('GET', KEYS[slot]), 1, 100)
    leases[#leases + 1] = whole(left)
  end
end
return {votes, leases}
