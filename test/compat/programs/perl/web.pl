# Perl: a forking server of HTTP, asked by LWP and HTTP::Tiny, the second over TLS too.
# usage: web.pl CERTIFICATE KEY
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use IO::Socket::INET;
use IO::Socket::SSL;
use LWP::UserAgent;
use POSIX ();

$| = 1;
my ($certificate, $key) = @ARGV;
my $large = "0123456789abcdefg" x 60_000;

sub digest { substr(sha256_hex($_[0] // ""), 0, 16) }

sub answer {
    my ($socket) = @_;
    while (my $line = <$socket>) {
        my ($method, $path) = split / /, $line;
        my %headers;
        while (($line = <$socket>) =~ /^([\w-]+): *(.*?)\r\n/) { $headers{lc $1} = $2 }
        my $length = $headers{"content-length"} // 0;
        my $body = "";
        read $socket, $body, $length - length $body, length $body while length $body < $length;
        if ($path eq "/echo") {
            print $socket "HTTP/1.1 200 OK\r\nContent-Length: $length\r\n\r\n", $body;
        } elsif ($path eq "/chunks") {
            my @chunks = map { sprintf "%x\r\n%s\r\n", $_ * 10, "x" x ($_ * 10) } 1 .. 100;
            print $socket "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            print $socket join("", @chunks), "0\r\n\r\n";
        } elsif ($path eq "/short") {
            print $socket "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
            return;
        } else {
            print $socket "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n";
        }
        $socket->flush;
    }
}

# One process for each connection, and one that accepts them.
sub serve {
    my ($class, %options) = @_;
    my $server = $class->new(Listen => 10, LocalAddr => "127.0.0.1", %options) or die "$@ $!";
    my $pid = fork() // die;
    return ($pid, $server->sockport) if $pid;
    $SIG{CHLD} = "IGNORE";
    for (;;) {
        my $socket = $server->accept or next;
        next if fork();
        close $server;
        answer($socket);
        close $socket;
        POSIX::_exit(0);
    }
}

sub by_lwp {
    my ($base) = @_;
    my $agent = LWP::UserAgent->new(keep_alive => 2, timeout => 30);
    my $echo = $agent->post("$base/echo", Content => $large);
    print "LWP ", $echo->code, " ", $echo->content eq $large ? "same" : "different", "\n";
    print "LWP ", digest($agent->get("$base/chunks")->content), " ", $agent->get("$base/no")->status_line, "\n";
    print "LWP ", length $agent->get("$base/short")->content, "\n";
}

sub by_tiny {
    my ($base, %options) = @_;
    my $agent = HTTP::Tiny->new(timeout => 30, %options);
    my $echo = $agent->post("$base/echo", { content => $large });
    print "Tiny $echo->{status} ", $echo->{content} eq $large ? "same" : "different", "\n";
    print "Tiny ", digest($agent->get("$base/chunks")->{content}), "\n";
    print "Tiny ", $agent->get("$base/no")->{status}, " ", $agent->get("$base/short")->{content} =~ /^(Unexpected end of stream)/, "\n";
}

my ($plain, $port) = serve("IO::Socket::INET");
by_lwp("http://127.0.0.1:$port");
by_tiny("http://127.0.0.1:$port");
my ($secure, $tls) = serve("IO::Socket::SSL", SSL_cert_file => $certificate, SSL_key_file => $key);
by_tiny("https://127.0.0.1:$tls", verify_SSL => 1, SSL_options => { SSL_ca_file => $certificate });
my $refused = HTTP::Tiny->new(verify_SSL => 1)->get("https://127.0.0.1:$tls/");
print "untrusted $refused->{status} ", $refused->{content} =~ /(certificate verify failed)/, "\n";
kill TERM => $plain, $secure;
waitpid $_, 0 for $plain, $secure;
print "closed ", LWP::UserAgent->new->get("http://127.0.0.1:$port")->status_line =~ s/:\d+ .*//r, "\n";
