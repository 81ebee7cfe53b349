-- wrk: frames of one instance, in a different order on each connection; FRAMES_URL is its path, FRAMES how many it has
local url, n = os.getenv("FRAMES_URL"), tonumber(os.getenv("FRAMES"))
local i = math.random(n)
local headers = { ["Accept"] = os.getenv("FRAMES_ACCEPT") or "multipart/related; type=application/octet-stream; transfer-syntax=*" }
function request()
  i = (i * 7 + 11) % n
  return wrk.format("GET", url .. "/frames/" .. (i + 1), headers)
end
function done(s, lat, req)
  local sec = s.duration / 1e6
  io.write(string.format("RESULT n=%d req/s=%.1f MB/s=%.1f p50ms=%.2f p99ms=%.2f non2xx=%d err=%d\n", s.requests, s.requests / sec, s.bytes / sec / 1e6,
    lat:percentile(50) / 1e3, lat:percentile(99) / 1e3, s.errors.status, s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout))
end
