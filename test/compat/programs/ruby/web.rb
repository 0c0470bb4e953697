# Ruby: WEBrick over HTTP and HTTPS with Net::HTTP. usage: web.rb CERTIFICATE KEY
require "digest"
require "net/http"
require "openssl"
require "webrick"
require "webrick/https"

CERTIFICATE, KEY = ARGV.map { |path| File.read(path) }
LARGE = "a body that goes both ways\n" * 50_000

def digest(text) = Digest::SHA256.hexdigest(text)[0, 16]

# A request on a new connection may be done before the one before it is logged.
def serve(secure, log)
  options = { Port: 0, BindAddress: "127.0.0.1", AccessLog: [[log, "%m %U %s"]], Logger: WEBrick::Log.new(File::NULL) }
  if secure
    options.update(SSLEnable: true, SSLCertificate: OpenSSL::X509::Certificate.new(CERTIFICATE), SSLPrivateKey: OpenSSL::PKey::RSA.new(KEY))
  end
  server = WEBrick::HTTPServer.new(**options)
  server.mount_proc("/echo") { |request, response| response.body = request.body }
  server.mount_proc("/chunks") { |_, response| response.chunked = true; response.body = proc { |out| 200.times { |at| out.write("#{at}:" * at) } } }
  server.mount_proc("/fails") { |_, _| raise WEBrick::HTTPStatus::ServiceUnavailable }
  [server, Thread.new { server.start }]
end

def ask(http, secure)
  puts http.get("/none").code, http.get("/fails").code
  echo = http.post("/echo", LARGE)
  puts "#{secure} #{echo.body == LARGE} #{echo["content-length"]}"
  puts digest(http.get("/chunks").body)
  length = 0
  http.request_get("/chunks") { |response| response.read_body { |part| length += part.size } }
  puts length
end

[false, true].each do |secure|
  server, thread = serve(secure, log = [])
  port = server.config[:Port]
  store = OpenSSL::X509::Store.new.tap { |trusted| trusted.add_cert(OpenSSL::X509::Certificate.new(CERTIFICATE)) }
  Net::HTTP.start("127.0.0.1", port, use_ssl: secure, cert_store: store) { |http| ask(http, secure) }
  if secure
    begin
      Net::HTTP.start("127.0.0.1", port, use_ssl: true) { |http| http.get("/") }
    rescue OpenSSL::SSL::SSLError => error
      puts error.message[/certificate verify failed/]
    end
  end
  server.shutdown
  thread.join
  $stderr.puts log.sort
  begin
    Net::HTTP.get("127.0.0.1", "/", port)
  rescue Errno::ECONNREFUSED => error
    puts error.class
  end
end
