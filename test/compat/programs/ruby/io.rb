# Ruby: sockets blocking and not, Open3, fork, threads, pipes, files.
require "digest"
require "open3"
require "socket"
require "stringio"
require "tmpdir"
require "timeout"
require "zlib"

$stdout.sync = true

def failure
  "works #{yield.inspect}"
rescue SystemCallError, IOError, Timeout::Error => error
  "#{error.class} #{error.message.sub(/ for .*/, "")}"
end

def digest(text) = Digest::SHA256.hexdigest(text)[0, 16]

def sockets
  server = TCPServer.new("127.0.0.1", 0)
  echo = Thread.new do
    socket = server.accept
    IO.copy_stream(socket, socket)
    socket.close
  end
  client = TCPSocket.new("127.0.0.1", server.addr[1])
  large = "0123456789abcdefg" * 100_000
  writer = Thread.new { client.write(large); client.close_write }
  puts "echo #{client.read == large}"
  [echo, writer].each(&:join)
  client.close
  puts failure { client.read }
  pending = TCPSocket.new("127.0.0.1", server.addr[1])
  puts failure { pending.read_nonblock(10) }
  puts pending.read_nonblock(10, exception: false).inspect
  puts IO.select([pending], nil, nil, 0.02).inspect
  puts failure { Timeout.timeout(0.05) { pending.read } }
  served = server.accept
  served.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, [1, 0].pack("ii"))
  served.close
  puts failure { pending.readpartial(1) }
  puts failure { server.accept_nonblock }
  port = server.addr[1]
  puts failure { TCPServer.new("127.0.0.1", port) }
  server.close
  puts failure { TCPSocket.new("127.0.0.1", port) }
end

def others(directory)
  path = File.join(directory, "socket")
  UNIXServer.open(path) do |server|
    client = UNIXSocket.new(path)
    served = server.accept
    reader, writer = IO.pipe
    client.send_io(writer)
    writer.close
    given = served.recv_io
    given.write("through a descriptor that was sent")
    given.close
    puts reader.read
    client.send("peeked", 0)
    puts served.recv(3, Socket::MSG_PEEK) + served.recv(100)
    client.close
    puts served.gets.inspect, failure { 2.times { served.write("x") } }
  end
  one, two = UDPSocket.new, UDPSocket.new
  one.bind("127.0.0.1", 0)
  two.connect("127.0.0.1", one.addr[1])
  two.send("datagram", 0)
  message, from = one.recvmsg
  one.send(message.upcase, 0, "127.0.0.1", from.ip_port)
  puts two.recvfrom(100)[0]
  one.close
  puts failure { two.send("nobody", 0); two.recv(10) }
end

def processes
  out, err, status = Open3.capture3("cat; echo err >&2; exit 4", stdin_data: "given " * 100_000)
  puts "capture3 #{out.size} #{err.strip} #{status.exitstatus}"
  puts Open3.pipeline_r("seq 1 500", "sort -rn", "head -n 2") { |last, _| last.read }
  puts `echo backquotes`, $?.exitstatus, system("exit 9").inspect, system("no-such-program").inspect
  reader, writer = IO.pipe
  children = 5.times.map do |number|
    fork do
      reader.close
      writer.write("from child #{number}\n")
      writer.close
      exit!(number)
    end
  end
  writer.close
  puts reader.read.lines.sort
  puts children.map { |pid| Process.wait2(pid)[1].exitstatus }.inspect
  pid = spawn("cat >&2", in: :in, err: :out, out: File::NULL)
  Process.wait(pid)
  sleeper = spawn("exec sleep 30")
  Process.kill(:TERM, sleeper)
  puts Process.wait2(sleeper)[1].termsig
  IO.popen(["tr", "a-z", "A-Z"], "r+") { |pipe| pipe.write("popen"); pipe.close_write; puts pipe.read }
  read_end, write_end = IO.pipe
  read_end.close
  puts failure { write_end.write("nobody reads") }
end

def threads(directory)
  queue = Queue.new
  workers = 8.times.map do |number|
    Thread.new do
      path = File.join(directory, "file #{number}")
      File.open(path, "w") { |file| 2000.times { |line| file.puts("line #{line} of #{number}") } }
      queue << [number, digest(File.read(path)), `wc -l < "#{path}"`.strip]
    end
  end
  workers.each(&:join)
  puts workers.map { queue.pop }.sort.map(&:inspect)
  zipped = File.join(directory, "zipped")
  Zlib::GzipWriter.open(zipped) { |file| file.write("zip me " * 50_000) }
  puts Zlib::GzipReader.open(zipped, &:read).size
  File.open(zipped, "r+b") { |file| file.seek(-3, IO::SEEK_END); puts file.pread(2, 0).bytes.inspect, file.read.size, file.eof? }
end

sockets
Dir.mktmpdir do |directory|
  others(directory)
  threads(directory)
end
processes
$stdout.write("several ", "parts ", "at once\n")
$stderr.puts "io.rb ends"
exit 3
