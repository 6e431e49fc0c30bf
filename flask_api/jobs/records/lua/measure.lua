#!lua flags=no-writes
-- Say which jobs are there and wanted, and how many bytes some of their texts have: before these are read.
-- KEYS: the record of each job
-- ARGV: 1 task ('' any), 2 ' <status> <status> ' ('' any), then names of fields
-- Returns for each job the bytes of these fields, or -1: it is not there or not wanted.
local sizes = {}
for number, record in ipairs(KEYS) do
  local at = redis.call('HMGET', record, 'status', 'task')
  local is_wanted = at[1] and at[1] ~= 'deleted' and (ARGV[1] == '' or ARGV[1] == at[2])
  if is_wanted and (ARGV[2] == '' or string.find(ARGV[2], ' ' .. at[1] .. ' ', 1, true)) then
    local bytes = 0
    for name = 3, #ARGV do
      bytes = bytes + redis.call('HSTRLEN', record, ARGV[name])
    end
    sizes[number] = bytes
  else
    sizes[number] = -1
  end
end
return sizes
