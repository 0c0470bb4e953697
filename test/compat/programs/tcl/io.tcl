# Tcl: sockets with file events, command pipelines, files, after and vwait.
proc digest {text} { return [format %08x [zlib crc32 $text]] }
proc failing {name script} {
    if {[catch {uplevel 1 $script} message options]} {
        # The second word of a child's is its pid.
        set code [dict get $options -errorcode]
        puts "$name [lindex $code 0] [lindex $code [expr {[string match CHILD* $code] ? 2 : 1}]]"
    } else {
        puts "$name works"
    }
}
proc accept {channel host port} {
    fconfigure $channel -blocking 0 -translation binary -buffering none
    fileevent $channel readable [list pass $channel]
}
proc pass {channel} {
    puts -nonewline $channel [read $channel 4000]
    if {[eof $channel]} { close $channel }
}
proc collect {channel} {
    append ::received($channel) [read $channel]
    if {[eof $channel]} {
        fconfigure $channel -blocking 1
        close $channel
        incr ::ended
    }
}

set server [socket -server accept -myaddr 127.0.0.1 0]
set port [lindex [fconfigure $server -sockname] 2]
set ended 0
for {set at 0} {$at < 10} {incr at} {
    set channel [socket 127.0.0.1 $port]
    fconfigure $channel -blocking 0 -translation binary
    puts -nonewline $channel [string repeat "client $at " 20000]
    flush $channel
    close $channel write
    fileevent $channel readable [list collect $channel]
    lappend channels $channel
}
while {$ended < 10} { vwait ended }
foreach channel $channels { puts "echo [string length $received($channel)] [digest $received($channel)]" }
failing bind { socket -server accept -myaddr 127.0.0.1 $port }
close $server
failing connect { socket 127.0.0.1 $port }

puts [exec seq 1 500 | sort -rn | head -n 1]
failing exec { exec sh -c "echo out; exit 3" }
failing missing { exec no-such-program }
set pipe [open "|tr a-z A-Z" r+]
puts -nonewline $pipe [string repeat "both ways " 10]
close $pipe write
puts [read $pipe]
close $pipe
set killed [open "|sh -c {kill -TERM \$\$}" r]
failing killed { read $killed; close $killed }
exec sh -c "echo on the same stdout; echo and stderr >&2" >@stdout 2>@stderr

set file [file tempfile path]
fconfigure $file -translation lf -buffersize 100
for {set line 0} {$line < 2000} {incr line} { puts $file "line $line" }
seek $file -5 end
puts "[read $file] [tell $file] [eof $file]"
chan truncate $file 12
seek $file 0
while {[gets $file line] >= 0} { puts "<$line>" }
close $file
file delete $path
failing gone { open $path r }
set timer [after 20 set late yes]
vwait late
puts "stdin [digest [read stdin]] $late"
puts stderr "io.tcl ends"
exit 5
