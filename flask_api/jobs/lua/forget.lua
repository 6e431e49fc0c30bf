-- Take from ended jobs what they kept but their files, unless they were retried since the caller looked. They stay among the
-- expiring ones until the caller has deleted their files too: if it dies before, the next one does it again.
-- KEYS: 1 expiring, then the record of each job
-- ARGV: 1 now (seconds since 1970), then each job
-- Returns for each job 1, or 0: it is not due any more, nothing was changed.
local result = {}
for number = 2, #KEYS do
  local due_at = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[number]) or 'inf')
  if due_at <= tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[number], 'result', 'arguments', 'error', 'attempts', 'progress', 'state')
    result[#result + 1] = 1
  else
    result[#result + 1] = 0
  end
end
return result
