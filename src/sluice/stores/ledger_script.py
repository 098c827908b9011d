"""What Redis runs for a ledger, in one piece each.

`rows` is a stream that is only ever added to: `o` a row that is begun, `s` one that is settled, `l` one whose process
died. `pending` holds the open rows and whose they are, `owners` when each process was last heard of, `spent:…` what a
budget has used in a period; that goes when nobody asks for it any more. All keys have one hash tag: they stand on one
node of a cluster.
"""

ROOT = b"sluice:{ledger}:"
ROWS, PENDING, OWNERS = ROOT + b"rows", ROOT + b"pending", ROOT + b"owners"
KEYS, VERSION = ROOT + b"keys", ROOT + b"keys-version"
SPENT = ROOT + b"spent:"

ADMIT = """
-- KEYS: rows, pending, counters. ARGV: id, owner, row, then amount, reserve, blocks, ends of each counter.
local used, granted = {}, 1
for i = 3, #KEYS do
  local at = 4 + (i - 3) * 4
  used[i - 2] = tonumber(redis.call('GET', KEYS[i]) or '0')
  if ARGV[at + 2] == '1' and used[i - 2] >= tonumber(ARGV[at]) then granted = 0 end
end
if granted == 1 then
  for i = 3, #KEYS do
    local at = 4 + (i - 3) * 4
    redis.call('INCRBY', KEYS[i], ARGV[at + 1])
    redis.call('EXPIREAT', KEYS[i], ARGV[at + 3])
  end
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
  redis.call('XADD', KEYS[1], '*', 'o', ARGV[3])
end
return {granted, unpack(used)}
"""

SETTLE = """
-- KEYS: rows, pending, counters. ARGV: id, row, then the change of each counter.
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[1], '*', 's', ARGV[2])
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 and redis.call('INCRBY', KEYS[i], ARGV[i]) < 0 then
    redis.call('SET', KEYS[i], 0, 'KEEPTTL')
  end
end
return 1
"""

BEAT = """
-- KEYS: rows, pending, owners. ARGV: owner, now, since when one must have been heard of.
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
local alive, seen = {}, redis.call('HGETALL', KEYS[3])
for i = 1, #seen, 2 do
  if tonumber(seen[i + 1]) >= tonumber(ARGV[3]) then
    alive[seen[i]] = true
  else
    redis.call('HDEL', KEYS[3], seen[i])
  end
end
local open = redis.call('HGETALL', KEYS[2])
for i = 1, #open, 2 do
  if not alive[open[i + 1]] then
    redis.call('HDEL', KEYS[2], open[i])
    redis.call('XADD', KEYS[1], '*', 'l', open[i])
  end
end
return 1
"""

FORGET = "return redis.call('HDEL', KEYS[1], ARGV[1])"

PAGE = """
-- KEYS: rows. ARGV: after which, how many.
return redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
"""

READ_KEYS = "return redis.call('HVALS', KEYS[1])"
READ_VERSION = "return tonumber(redis.call('GET', KEYS[1]) or '0')"
ADD_KEY = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('INCR', KEYS[2])
return 1
"""
REVOKE_KEY = """
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('INCR', KEYS[2])
return 1
"""
