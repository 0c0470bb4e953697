-- Lua with LuaSocket: TCP, HTTP, UDP, select and timeouts; files and pipes of the standard library.
local http = require("socket.http")
local ltn12 = require("ltn12")
local socket = require("socket")

local function sum(text)
  local value = 5381
  for at = 1, #text do value = (value * 33 + text:byte(at)) & 0xffffffff end
  return value
end

local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
local client = assert(socket.connect("127.0.0.1", port))
local served = assert(server:accept())
local large = ("0123456789abcdefg"):rep(60000)
client:settimeout(0)
served:settimeout(0)
local sent, parts = 0, {}
local length = 0
while length < #large do
  local readable, writable = socket.select({ served }, sent < #large and { client } or {}, 10)
  if #writable > 0 then
    local last, problem, partial = client:send(large, sent + 1)
    sent = last or partial
    assert(last or problem == "timeout", problem)
  end
  if #readable > 0 then
    local all, _, partial = served:receive(5000)
    parts[#parts + 1] = all or partial
    length = length + #parts[#parts]
  end
end
print("transfer", length, table.concat(parts) == large)
print("nothing", served:receive("*l"))
client:settimeout(0.02)
print("timeout", client:receive(1))
client:shutdown("send")
served:settimeout(nil)
print("end", served:receive(1))
served:send("one\r\ntwo\nrest")
served:close()
client:settimeout(nil)
print("lines", client:receive("*l"), client:receive("*l"), client:receive("*a"))
print("closed", client:receive(1))
server:close()
print("refused", socket.connect("127.0.0.1", port))

local one, two = socket.udp(), socket.udp()
one:setsockname("127.0.0.1", 0)
two:setpeername("127.0.0.1", select(2, one:getsockname()))
two:send("a datagram")
print("datagram", one:receivefrom(5) == "a dat")
one:close()
two:send("nobody")
print("nobody", two:receive())

print("http", http.request("http://127.0.0.1:" .. port .. "/"))
local pipe = io.popen("seq 1 500 | sort -rn")
print("popen", pipe:read("n", "l", "l"), sum(pipe:read("a")), pipe:close())
local into = io.popen("tr a-z A-Z", "w")
into:write("into a ", "pipe\n")
print("closed", into:close())
print("execute", os.execute("echo by os.execute; echo err >&2; exit 7"))
print("killed", os.execute("kill -TERM $$"))
local path = os.tmpname()
local file = assert(io.open(path, "w+b"))
for _, mode in ipairs({ "full", "line", "no" }) do
  file:setvbuf(mode)
  for line = 1, 500 do file:write(mode, " ", line, "\n") end
end
file:seek("set", 0)
print("file", sum(file:read("a")), file:seek("end"), file:read("a"), file:read("l"))
file:close()
os.remove(path)
print("gone", select(3, io.open(path)))
print("stdin", sum(io.read("a")))
io.stderr:write("io.lua ends\n")
os.exit(3)
