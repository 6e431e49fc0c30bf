-- The texts of a job's record, whose bytes count. After counting.lua, before the scripts that change them.
local IS_TEXT = {arguments = true, result = true, error = true, attempts = true, progress = true, state = true, files = true}
-- A record never has these two before they are written: a retry takes the error away, and a result is final.
local IS_NEW = {result = true, error = true}

-- By how many bytes a record grows with these fields and values.
local function growth(record, fields, first, last)
  local bytes = 0
  for at = first, last, 2 do
    local name = fields[at]
    if IS_TEXT[name] then
      bytes = bytes + #fields[at + 1] - (IS_NEW[name] and 0 or redis.call('HSTRLEN', record, name))
    end
  end
  return bytes
end

local function texts_of(record)
  local bytes = 0
  for name, _ in pairs(IS_TEXT) do
    bytes = bytes + redis.call('HSTRLEN', record, name)
  end
  return bytes
end
