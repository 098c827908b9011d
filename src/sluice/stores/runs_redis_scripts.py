"""What Redis keeps of runs, and what it runs for them in one piece each.

A log is a stream whose ids are the numbers of the events: an event that is there already cannot come again. What has an
order of its own (messages, checkpoints, runs of a thread) is a sorted set of ids and a hash. All keys have one hash
tag: they stand on one node of a cluster.
"""

import msgspec

ROOT = b"sluice:{runs}:"
RUNS, LIVE, ENDED, REQUESTS = ROOT + b"runs", ROOT + b"live", ROOT + b"ended", ROOT + b"requests"
ITEMS, NAMES, EXPIRING = ROOT + b"items", ROOT + b"names", ROOT + b"expiring"
TOLD, NEXT = ROOT + b"told", ROOT + b"next"


def key(kind: str, *names: str) -> bytes:
    """Return the key of something of somebody; no two have the same."""
    return ROOT + kind.encode() + b":" + msgspec.json.encode(names)


CALL = """
-- KEYS: one. ARGV: a command, and its words after the key.
return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
"""

MANY = """
-- KEYS: a hash. ARGV: how many bytes at most, fields. The values of as many fields as that allows, at least one.
local found, bytes = {}, 0
for i = 2, #ARGV do
  local value = redis.call('HGET', KEYS[1], ARGV[i])
  found[i - 1] = value
  bytes = bytes + (value and #value or 0)
  if bytes >= tonumber(ARGV[1]) then break end
end
return found
"""

# -- log --------------------------------------------------------------------------------------------------------------

APPEND = """
-- KEYS: logs. ARGV: their time to live, a channel, what is said there; for each log how many events, number and event.
local at = 4
for k = 1, #KEYS do
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    local added = redis.pcall('XADD', KEYS[k], ARGV[at] .. '-0', 'e', ARGV[at + 1])
    if type(added) == 'table' and added.err and not string.find(added.err, 'equal or smaller', 1, true) then
      return added
    end
    at = at + 2
  end
  redis.call('PEXPIRE', KEYS[k], ARGV[1])
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
"""

READ = """
-- KEYS: log. ARGV: from which number, how many, how many bytes. The number of the last one, and the events.
local found, bytes, from = {ARGV[1]}, 0, ARGV[1]
local limit, most = tonumber(ARGV[2]), tonumber(ARGV[3])
while #found <= limit and bytes < most do
  local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', math.min(limit - #found + 1, 16))
  if #page == 0 then break end
  for _, entry in ipairs(page) do
    found[#found + 1] = entry[2][2]
    found[1] = string.match(entry[1], '^%d+')
    bytes = bytes + #entry[2][2]
    if bytes >= most then break end
  end
  from = '(' .. page[#page][1]
end
return found
"""

FORGET_LOGS = """
-- KEYS: the ended, logs. ARGV: their runs.
redis.call('ZREM', KEYS[1], unpack(ARGV))
return redis.call('UNLINK', unpack(KEYS, 2))
"""

# -- runs -------------------------------------------------------------------------------------------------------------

SAVE_RUN = """
-- KEYS: runs, live, ended, requests, asked, of the thread, next. ARGV: id, record, request or nothing,
-- whether it lives, when it ended, whether it is new.
if ARGV[6] == '1' then
  local known = ARGV[3] ~= '' and redis.call('HGET', KEYS[4], ARGV[3]) or ARGV[1]
  local record = redis.call('HGET', KEYS[1], known)
  if record then return record end
else
  local ended = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0)
  if ended ~= 0 and ended ~= tonumber(ARGV[5]) then return redis.call('HGET', KEYS[1], ARGV[1]) end
end
local n = redis.call('INCR', KEYS[7])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[6], 'NX', n, ARGV[1])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[4], ARGV[3], ARGV[1])
  redis.call('ZADD', KEYS[5], 'NX', n, ARGV[1])
end
if ARGV[4] == '1' then
  redis.call('ZADD', KEYS[2], 'NX', n, ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
end
return ARGV[2]
"""

DELETE_RUN = """
-- KEYS: runs, live, ended, requests, asked, of the thread, log. ARGV: id, request or nothing.
redis.call('HDEL', KEYS[1], ARGV[1])
for _, at in ipairs({2, 3, 5, 6}) do redis.call('ZREM', KEYS[at], ARGV[1]) end
if redis.call('HGET', KEYS[4], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[4], ARGV[2]) end
return redis.call('UNLINK', KEYS[7])
"""

# -- threads ----------------------------------------------------------------------------------------------------------

CREATE = """
-- KEYS: hash. ARGV: field, value. What is there then.
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
"""

ADD = """
-- KEYS: order, hash, next. ARGV: whether they replace all, then id and record of each.
if ARGV[1] == '1' then redis.call('DEL', KEYS[1], KEYS[2]) end
for i = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], 'NX', redis.call('INCR', KEYS[3]), ARGV[i])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
return 1
"""

FORGET_THREAD = """
-- KEYS: threads, and what belongs to one. ARGV: id.
redis.call('UNLINK', unpack(KEYS, 2))
return redis.call('HDEL', KEYS[1], ARGV[1])
"""

# -- items ------------------------------------------------------------------------------------------------------------
# An item stands as `created updated expires value`.

_ITEM = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
local created, expires = string.match(known or '', '^(%d+) %d+ (%d+) ')
if known and tonumber(expires) > 0 and tonumber(expires) <= tonumber(ARGV[2]) then known = false end
"""
_KEEP = """
redis.call('ZADD', KEYS[2], 0, ARGV[1])
if ARGV[3] == '0' then
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
end
return 1
"""

PUT_ITEM = f"""
-- KEYS: items, names, expiring. ARGV: name, now, when it expires, when it was made, the rest.
{_ITEM}
redis.call('HSET', KEYS[1], ARGV[1], (known and created or ARGV[4]) .. ARGV[5])
{_KEEP}
"""

SWAP_ITEM = f"""
-- KEYS: items, names, expiring. ARGV: name, now, when it expires, what it becomes, what it was or nothing.
{_ITEM}
if (known or '') ~= ARGV[5] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
{_KEEP}
"""

DELETE_ITEMS = """
-- KEYS: items, names, expiring. ARGV: names. When each that was there expires.
local found = {}
for i = 1, #ARGV do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if known then
    found[#found + 1] = string.match(known, '^%d+ %d+ (%d+) ')
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('ZREM', KEYS[3], ARGV[i])
  end
end
return found
"""

# -- coordination -----------------------------------------------------------------------------------------------------

_HELD = """
local ends, worker = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (.*)$')
"""

ACQUIRE = f"""
-- KEYS: lease. ARGV: worker, now, until.
{_HELD}
if worker and worker ~= ARGV[1] and tonumber(ends) > tonumber(ARGV[2]) then return 0 end
local left = math.max(0, tonumber(ARGV[3]) - tonumber(ARGV[2]))
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[1], 'PX', string.format('%d', left + 60000))
return 1
"""

RELEASE = f"""
-- KEYS: lease. ARGV: worker.
{_HELD}
return worker == ARGV[1] and redis.call('DEL', KEYS[1]) or 0
"""

TELL = """
-- KEYS: told. ARGV: teller, topic, message, channel.
redis.call('XADD', KEYS[1], 'MAXLEN', '~', 1000, '*', 'w', ARGV[1], 't', ARGV[2], 'm', ARGV[3])
redis.call('PEXPIRE', KEYS[1], 3600000)
return redis.call('PUBLISH', ARGV[4], 'told')
"""
