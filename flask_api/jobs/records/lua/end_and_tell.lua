-- End a worker's attempt as turn.lua does; then, as offer_slot.lua does, tell the process that sent it how it ended, and everybody
-- that the slot is free. One round trip for what is known together: only here it is known what was written.
-- KEYS: 1 workers, 2 idle slots of the worker's kind, 3 notices of the process that sent it, then those of turn.lua
-- ARGV: 1 slot ('' none), 2 seconds that idle slots are kept, 3 notice up to the status, 4 status of what was written as it is,
--       5 seconds the notice is kept, then those of turn.lua, for one job that ends and none that begins
-- Returns what turn.lua does.
local result = turn({unpack(KEYS, 4)}, {unpack(ARGV, 6)})
local status = result[1] == 2 and 'failed' or ARGV[4]
offer_slot({KEYS[1], KEYS[2], KEYS[3]}, {ARGV[1], ARGV[2], ARGV[3] .. ' ' .. status .. ' ' .. result[1], ARGV[5]})
return result
