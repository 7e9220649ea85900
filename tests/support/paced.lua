-- Each connection waits so many milliseconds before a request: a load that leaves everybody time.
local pause = 0

function init(args)
  pause = tonumber(args[1])
end

function delay()
  return pause
end
