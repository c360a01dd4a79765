-- An operator's command to the whole fleet.
-- KEYS: record, changes, votes. ARGV: channel, name, node, known epoch, command (reset, force-open,
-- force-closed or release), ms for which it is forced (0: until it is released), who gives it and why,
-- as they stand in a record. Gives: 1 if anything
-- changed, 0, the view.
local channel, name, node = ARGV[1], ARGV[2], ARGV[3]
local known, command, lasts = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])

-- One whose epoch is too far ahead is overwritten: nothing else would end it.
local now = now_us()
local record, foreign = read_any(KEYS[1])
if foreign then
  return foreign
end
if record and is_ahead(record.epoch, now) then
  record = nil
end
local forced = is_forced(record, now)
if command == 'release' and not forced then
  return {0, 0, view(record, now)}
end
local states = { ['force-open'] = 'fo', ['force-closed'] = 'fc', release = 'c' }
local state = states[command] or (forced and record.state) or 'c'
local left, words, serial = lasts, nil, 0
if command == 'force-open' or command == 'force-closed' then
  words = said(ARGV[7], ARGV[8])
end
if command == 'reset' and forced then
  left, lasts, words = left_of(record, now), record.lasts, record.words
  serial = record.step > 0 and record.step or record.epoch
end
redis.call('DEL', KEYS[3])
local seen = write(KEYS[1], KEYS[2], channel, name, {
  epoch = next_epoch(record, known, now), state = state,
  ends = lasts > 0 and math.floor(now / 1000) + left or 0, lasts = lasts, step = serial,
  cause = command == 'reset' and 'reset' or 'operator', node = node,
  words = words,
}, now)
return {1, 0, seen}
