# Perl: IO::Socket, sockets that do not block, fork, exec, pipe opens, layers, signals.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Errno qw(EAGAIN);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK SEEK_END);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use IPC::Open3;
use POSIX ();
use Socket qw(MSG_PEEK SOCK_STREAM SOL_SOCKET SO_LINGER SHUT_WR SOMAXCONN);
use Symbol qw(gensym);

$| = 1;

sub digest { substr(sha256_hex($_[0]), 0, 16) }
sub show { print join(" ", map { defined $_ ? $_ : "undef" } @_), "\n" }
sub failing { my ($name, $result) = @_; show($name, $result ? "works" : "fails: $!") }

sub listener { IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", @_) or die $@ }
sub client { IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $_[0]) }

sub echo_of_child {
    my $server = listener();
    my $pid = fork() // die;
    if (!$pid) {
        my $served = $server->accept;
        while (sysread($served, my $part, 3000)) {
            my $at = 0;
            $at += syswrite($served, $part, 1000, $at) while $at < length $part;
        }
        POSIX::_exit(5);
    }
    my $socket = client($server->sockport);
    my ($sent, $received, $large) = (0, "", "0123456789abcdefg" x 60_000);
    my $flags = fcntl($socket, F_GETFL, 0);
    fcntl($socket, F_SETFL, $flags | O_NONBLOCK);
    show("at once", sysread($socket, my $none, 10), $! == EAGAIN ? "again" : "$!");
    while (length $received < length $large) {
        my $writes = $sent < length $large ? "" : undef;
        vec(my $read = "", fileno $socket, 1) = 1;
        vec($writes, fileno $socket, 1) = 1 if defined $writes;
        select($read, $writes, undef, 10);
        if (defined $writes && vec($writes, fileno $socket, 1)) {
            $sent += syswrite($socket, $large, 40_000, $sent) // 0;
            shutdown($socket, SHUT_WR) if $sent == length $large;
        }
        sysread($socket, $received, 7000, length $received);
    }
    waitpid $pid, 0;
    show("echo", $received eq $large ? "same" : "different", $? >> 8);
}

sub ends {
    my $server = listener();
    my $port = $server->sockport;
    my ($one, $other) = (client($port), scalar $server->accept);
    print $other "line one\nline two\nrest";
    $other->flush;
    recv $one, my $seen, 4, MSG_PEEK;
    show("peek", $seen);
    show("line", scalar <$one>) for 1 .. 2;
    setsockopt $other, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0);
    close $other;
    failing("reset", defined sysread $one, my $rest, 100);
    {
        local $SIG{PIPE} = sub { show("SIGPIPE") };
        failing("write after reset", defined syswrite $one, "x");
        pipe my $reader, my $writer;
        close $reader;
        failing("write to the pipe", defined syswrite $writer, "x");
    }
    failing("bind", IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:$port"));
    close $server;
    failing("connect", client($port));
    show("late", IO::Select->new(my $quiet = listener())->can_read(0.02) ? "ready" : "not ready");
    eval {
        POSIX::sigaction(POSIX::SIGALRM(), POSIX::SigAction->new(sub { die "alarm\n" }));
        Time::HiRes::ualarm(50_000);
        $quiet->accept;
    };
    show("interrupted", split /\n/, $@);
}

sub local_and_datagrams {
    my $directory = tempdir(CLEANUP => 1);
    my $server = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "$directory/s", Listen => 1);
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$directory/s");
    my $served = $server->accept;
    $socket->send("over a path");
    $served->recv(my $text, 100);
    show("path", $text);
    my $bound = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1");
    my $sender = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => $bound->sockport);
    $sender->send("a" x $_) for 0, 9, 5000;
    for (1 .. 3) {
        $bound->recv(my $datagram, 4000);
        show("datagram", length $datagram);
    }
    close $bound;
    $sender->send("nobody");
    failing("nobody", defined $sender->recv(my $never, 10));
}

sub processes {
    my $pid = open3(my $in, my $out, my $err = gensym, "sh", "-c", "cat; echo err >&2; exit 9");
    print $in "given\n";
    close $in;
    show("open3", map({ chomp; $_ } <$out>, <$err>), waitpid($pid, 0) == $pid ? $? >> 8 : "lost");
    show("backquotes", split /\n/, `seq 1 3; exit 2`), show($? >> 8);
    show("system", system("exit 4;") >> 8, system({ "sh" } "sh", "-c", "echo by system >&2"));
    show("missing", system("no-such-program-at-all") == -1 ? "$!" : "there");
    open my $to, "|-", "tr a-z A-Z | sed s/A/-/g" or die;
    print $to "a pipe opened for writing\n";
    show("close", close $to);
    open my $from, "-|", "sort", "-rn", $0 or die;
    show("sorted", scalar(my @lines = <$from>) > 10, close $from);
    my $child = open(my $kid, "-|") // die;
    if (!$child) {
        print "the child's stdout\n";
        exec "sh", "-c", "echo after exec; kill -KILL \$\$";
    }
    show("child", map { chomp; $_ } <$kid>);
    close $kid;
    show("ended by", $? & 127);
    my @children = map { my $n = $_; fork() || POSIX::_exit($n) } 1 .. 10;
    show("children", map { waitpid $_, 0; $? >> 8 } @children);
}

sub files {
    my $directory = tempdir(CLEANUP => 1);
    my $path = "$directory/file";
    open my $file, "+>:utf8", $path or die;
    print $file "\x{e9}\x{263a} line $_\n" for 1 .. 3000;
    printf $file "%05d", 42;
    seek $file, -5, SEEK_END;
    show("file", -s $path, scalar <$file>, eof $file, tell $file);
    truncate $file, 10;
    close $file;
    open my $again, "<", $path or die;
    local $/ = \4;
    show("records", map { length } <$again>);
    failing("write", do { no warnings; print {$again} "x" });
    failing("directory", open(my $none, ">", $directory));
    open my $saved, ">&", \*STDOUT;
    open STDOUT, ">", $path;
    print "not on the terminal\n";
    system "echo nor this";
    open STDOUT, ">&", $saved;
    show("redirected", -s $path);
}

require Time::HiRes;
echo_of_child();
ends();
local_and_datagrams();
processes();
files();
{ local $/; show("stdin", digest(<STDIN>)); }
warn "io.pl ends\n";
exit 2;
