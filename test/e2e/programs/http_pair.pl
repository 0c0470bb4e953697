# One HTTP request over loopback: a child asks, the parent serves. For C libraries that programs
# built here are too new for. Exit code 7: both ends have worked.
use IO::Socket::INET;

my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!";
my $child = fork();
if ($child == 0) {
    my $client =
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport) or die;
    syswrite $client, "GET /pair HTTP/1.1\r\nHost: pair\r\n\r\n";
    sysread $client, my $answer, 4096;
    exit($answer =~ /^HTTP\/1.1 200 .*hi$/s ? 3 : 4);
}
my $server = $listener->accept;
sysread $server, my $request, 4096;
print "served $ARGV[0]\n";
$| = 1;
print "";
syswrite $server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
waitpid $child, 0;
exit($? >> 8 == 3 ? 7 : 1);
