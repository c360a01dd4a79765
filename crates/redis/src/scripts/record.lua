-- What all scripts share. A record is a line of words: the version, epoch, state
-- (c closed, o open, fo and fc forced), the end of the open time in ms of Redis' clock, the whole
-- open time in ms, the backoff's step, the cause, and the node that wrote it. Where it is forced, end
-- and time are the override's, and 0 where that has no end, and in the place of the step is the
-- override's serial: the epoch of the record that imposed it. Version 2 has two words more, which say
-- who has forced it and why; each is `-` where that was not said.

-- How long a record outlives what it says, in ms.
local KEEP = 3600000
local LONGEST = 1024

-- Numbers above this are not whole in Lua.
local LAST_NUMBER = 9000000000000000
local STATES = { c = true, o = true, fo = true, fc = true }
local CAUSES = { votes = true, rate = true, probes = true, reset = true, operator = true }

local function above(numbers)
  for _, number in ipairs(numbers) do
    if tonumber(number) > LAST_NUMBER then
      return true
    end
  end
  return false
end

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function whole(number)
  return string.format('%.0f', number)
end

-- An epoch that is further ahead of Redis' clock is nobody's who shares it: forged, or written before
-- that clock was set back by more. In microseconds.
local DAY = 86400000000

local function is_ahead(epoch, now)
  return epoch > now + DAY
end

local function ahead()
  return redis.error_reply('FOREIGN an epoch more than a day ahead of the clock of Redis')
end

-- The record under `key`; nil where there is none; an error where it is not one of ours.
local function read_any(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then
    return nil
  end
  if kind ~= 'string' or redis.call('STRLEN', key) > LONGEST then
    return nil, redis.error_reply('FOREIGN not a record')
  end
  local line = redis.call('GET', key)
  local version, epoch, state, ends, lasts, step, cause, node, rest = string.match(
    line, '^([12]) (%d+) (%l+) (%d+) (%d+) (%d+) (%S+) (%S+)(.*)$')
  local words = rest and string.match(rest, '^ ([-=~]%S* [-~]%S*)$')
  local is_whole = (version == '1' and rest == '') or (version == '2' and words)
  if not is_whole or not STATES[state] or not CAUSES[cause] or #node > 64
    or string.find(node, '[^%w_.:-]') or above({ epoch, ends, lasts, step }) then
    return nil, redis.error_reply('FOREIGN not a record of version 1 or 2')
  end
  return {
    line = line, epoch = tonumber(epoch), state = state, ends = tonumber(ends),
    lasts = tonumber(lasts), step = tonumber(step), cause = cause, node = node,
    words = words,
  }
end

-- The same; an error also where its epoch is too far ahead.
local function read(key, now)
  local record, foreign = read_any(key)
  if record and is_ahead(record.epoch, now) then
    return nil, ahead()
  end
  return record, foreign
end

-- The ms that are left of the open time: no more than all of it, also when Redis' clock was set back.
local function left_of(record, now)
  return math.min(math.max(0, record.ends - math.floor(now / 1000)), record.lasts)
end

-- A record as it travels: with the ms that are left of the open time.
local function view(record, now)
  if not record then
    return ''
  end
  local left = left_of(record, now)
  return whole(left) .. ' ' .. record.line
end

-- How long the number of changes outlives the last of them, in ms: a week.
local CHANGES = 604800000

-- Raises the number of changes, to the time at least: what an old dump brings back is lower. So it does
-- where something else stands there.
local function changed(key, now)
  local number = redis.pcall('INCR', key)
  if type(number) == 'table' or number < now then
    redis.call('SET', key, whole(now))
  end
  redis.call('PEXPIRE', key, CHANGES)
end

-- What was said of an override, as it stands in a record; nil where nothing was.
local function said(actor, reason)
  if actor == '-' and reason == '-' then
    return nil
  end
  return actor .. ' ' .. reason
end

-- A name that is longer has no room in a message, in bytes: that is empty then.
local LONGEST_NAME = 3000

-- Writes `record`, with a serial if it is an override that begins, tells the fleet, and gives the view.
local function write(key, changes, channel, name, record, now)
  local left = left_of(record, now)
  if (record.state == 'fo' or record.state == 'fc') and record.step == 0 then
    record.step = record.epoch
  end
  record.line = table.concat({
    record.words and '2' or '1', whole(record.epoch), record.state, whole(record.ends), whole(record.lasts),
    whole(record.step), record.cause, record.node, record.words,
  }, ' ')
  redis.call('SET', key, record.line, 'PX', whole(left + KEEP))
  changed(changes, now)
  local seen = view(record, now)
  redis.call('PUBLISH', channel, #name <= LONGEST_NAME and seen .. ' ' .. name or '')
  return seen
end

-- The next epoch: above all that Redis and the caller know of, also after a flush.
local function next_epoch(record, known, now)
  local last = math.max(record and record.epoch or 0, is_ahead(known, now) and 0 or known)
  return math.max(last + 1, now)
end

local function is_forced(record, now)
  local forced = record and (record.state == 'fo' or record.state == 'fc')
  return forced and (record.lasts == 0 or left_of(record, now) > 0)
end
