-- Asks what the file named after `--` says, in no order: a method, a path, a token and a body a line, between tabs.
local requests = {}

function init(arguments)
  math.randomseed(tonumber(arguments[2]))
  for line in io.lines(arguments[1]) do
    local method, path, token, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
    local headers = { ["Authorization"] = "Bearer " .. token }
    if body ~= "" then
      headers["Content-Type"] = "application/json"
    else
      body = nil
    end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
end

function request()
  return requests[math.random(#requests)]
end

-- What was measured, as JSON: microseconds.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"micros":%d,"requests":%d,"failures":%d,"p50":%d,"p99":%d}\n',
    summary.duration, summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
