"""What Redis runs, in one piece each: the arithmetic of `policies.bucket`, with Redis' own clock.

A bucket is a string, `level since_us`, that is gone when it would be full again. Places are a hash: owner to `count
until_ms`; each owner writes how many it holds, and until when that is good, so that what is written twice is right and
what a dead owner holds ends by itself. All keys have one hash tag: they stand on one node of a cluster.
"""

BUCKET = b"sluice:{limits}:bucket:"
PLACE = b"sluice:{limits}:places:"

_CLOCK = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
"""

_BUCKET = """
local function fill(key, capacity, amount, interval)
  local level, since = capacity, now
  local found = redis.call('GET', key)
  if found then
    local a, b = string.match(found, '^(%S+) (%S+)$')
    level, since = tonumber(a), tonumber(b)
  end
  local steps = math.floor((now - since) / interval)
  if steps > 0 then
    level = math.min(capacity, level + steps * amount)
    since = since + steps * interval
  end
  if level >= capacity or since > now then
    level, since = math.min(level, capacity), now
  end
  return level, since
end
local function keep(key, level, since, capacity, amount, interval)
  if level >= capacity then
    redis.call('DEL', key)
    return
  end
  local full = since + math.ceil((capacity - level) / amount) * interval
  local left = math.ceil((full - now) / 1000) + 1000
  redis.call('SET', key, string.format('%.0f %.0f', level, since), 'PX', string.format('%.0f', left))
end
"""

_HOLD = """
local function hold(key, owner, count, life)
  if count > 0 then
    local til = math.floor(now / 1000) + life
    redis.call('HSET', key, owner, string.format('%.0f %.0f', count, til))
    redis.call('PEXPIRE', key, string.format('%.0f', life * 2))
  else
    redis.call('HDEL', key, owner)
  end
end
"""

TAKE = (
    _CLOCK
    + _BUCKET
    + _HOLD
    + """
local n, m, owner, life = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local at, admitted = 4, 1
local found, answer = {}, {1, now}
for i = 1, n do
  local d = {}
  for j = 1, 6 do d[j] = tonumber(ARGV[at + j]) end
  at = at + 6
  local level, since = fill(KEYS[i], d[1], d[2], d[3])
  if level < d[5] then admitted = 0 end
  found[i] = {level, since, d}
end
local held = {}
for i = 1, m do
  local key, most = KEYS[n + i], tonumber(ARGV[at + i])
  local all, mine = 0, 0
  local fields = redis.call('HGETALL', key)
  for j = 1, #fields, 2 do
    local a, b = string.match(fields[j + 1], '^(%S+) (%S+)$')
    local count, til = tonumber(a), tonumber(b)
    if fields[j] == owner then mine = count end
    if til * 1000 > now then
      all = all + count
    else
      redis.call('HDEL', key, fields[j])
      if fields[j] == owner then mine = 0 end
    end
  end
  if all >= most then admitted = 0 end
  held[i] = {key, all, mine}
end
answer[1] = admitted
for i = 1, n do
  local level, since, d = found[i][1], found[i][2], found[i][3]
  local taken = 0
  if admitted == 1 then
    taken = d[4]
    if d[6] == 1 then taken = math.min(taken, level) end
    level = level - taken
    keep(KEYS[i], level, since, d[1], d[2], d[3])
  end
  answer[#answer + 1] = taken
  answer[#answer + 1] = level
  answer[#answer + 1] = since
end
for i = 1, m do
  if admitted == 1 then hold(held[i][1], owner, held[i][3] + 1, life) end
  answer[#answer + 1] = held[i][2]
end
return answer
"""
)
"""KEYS: buckets, then places. ARGV: how many of each, owner, ms that its word is good for; of each bucket capacity,
fill, interval_us, amount, needs, partial; of each place how many there are. Answer: admitted, now; of each bucket
taken, level, since; of each place how many were taken before."""

GIVE = (
    _CLOCK
    + _BUCKET
    + """
for i = 1, #KEYS do
  local d = {}
  for j = 1, 4 do d[j] = tonumber(ARGV[(i - 1) * 4 + j]) end
  local level, since = fill(KEYS[i], d[1], d[2], d[3])
  keep(KEYS[i], math.min(d[1], level + d[4]), since, d[1], d[2], d[3])
end
return #KEYS
"""
)
"""KEYS: buckets. ARGV: of each capacity, fill, interval_us, tokens."""

HOLD = (
    _CLOCK
    + _HOLD
    + """
for i = 1, #KEYS do hold(KEYS[i], ARGV[1], tonumber(ARGV[i + 2]), tonumber(ARGV[2])) end
return #KEYS
"""
)
"""KEYS: places. ARGV: owner, ms that its word is good for, of each key how many it holds."""
