#!lua flags=allow-oom
-- Pause a task or an executor, or resume it.
-- KEYS: 1 paused
-- ARGV: 1 'task:<name>' or 'executor:<name>', 2 what is known of the pause ('' resume)
-- Returns 1, or 0 when it is so already: then nothing was changed.
if ARGV[2] == '' then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
