-- wrk script: method and size of the body from the environment, one line of JSON at the end.
wrk.method = os.getenv("BENCH_METHOD") or "GET"
local size = tonumber(os.getenv("BENCH_BODY_BYTES") or "0")
if size > 0 then
  local unit = '{"item":"0123456789abcdef","n":1}'
  local part = "," .. unit
  local count = math.floor((size - #unit - 2) / #part)
  local text = "[" .. unit .. string.rep(part, count)
  wrk.body = text .. string.rep(" ", size - #text - 1) .. "]"
  wrk.headers["Content-Type"] = "application/json"
end
-- Many users in turn: one Cookie header a line.
local file = os.getenv("BENCH_COOKIES") or ""
if file ~= "" then
  local cookies, at = {}, 0
  for line in io.lines(file) do cookies[#cookies + 1] = line end
  request = function()
    at = at % #cookies + 1
    wrk.headers["Cookie"] = cookies[at]
    return wrk.format()
  end
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\nJSON {"count":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"broken":%d,"refused":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.timeout, e.status))
end
