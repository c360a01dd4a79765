-- The processes that are there. KEYS: the list of names, the start of the keys of what each says.
-- Gives: for each its name and what it says.
local found = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = KEYS[2] .. name
  -- What is too long was written by somebody else.
  if redis.call('TYPE', key).ok == 'string' and redis.call('STRLEN', key) <= 4096 then
    found[#found + 1] = name
    found[#found + 1] = redis.call('GET', key)
  end
end
return found
