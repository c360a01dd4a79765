-- A process is there: its name stands in the list for a minute from now.
-- KEYS: the list. ARGV: name. Gives: 1, 0, nothing.
local now_ms = math.floor(now_us() / 1000)
redis.call('ZADD', KEYS[1], whole(now_ms), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now_ms - 60000))
-- The newest thousand: whoever comes back under ever new names fills no more.
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1001)
redis.call('PEXPIRE', KEYS[1], 60000)
return {1, 0, ''}
