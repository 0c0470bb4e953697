#!/usr/bin/env escript
%% Erlang: gen_tcp in passive and active mode, gen_udp, ports (external programs), files.
main(_) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {ip, {127, 0, 0, 1}}, {active, false}, {reuseaddr, true}]),
    {ok, Port} = inet:port(Listener),
    spawn_link(fun() -> serve(Listener) end),
    Self = self(),
    [spawn_link(fun() -> Self ! {N, exchange(Port, N)} end) || N <- lists:seq(1, 20)],
    [receive {N, Result} -> io:format("echo ~p ~p~n", [N, Result]) end || N <- lists:seq(1, 20)],
    {ok, Quiet} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    io:format("timeout ~p~n", [gen_tcp:recv(Quiet, 1, 30)]),
    io:format("in use ~p~n", [gen_tcp:listen(Port, [{ip, {127, 0, 0, 1}}])]),
    ok = gen_tcp:close(Quiet),
    io:format("closed ~p~n", [gen_tcp:send(Quiet, "x")]),
    ok = gen_tcp:close(Listener),
    io:format("refused ~p~n", [gen_tcp:connect({127, 0, 0, 1}, Port, [])]),
    datagrams(),
    programs(),
    files(),
    io:format(standard_error, "io.escript ends~n", []),
    halt(6).

serve(Listener) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Pid = spawn(fun() -> receive go -> inet:setopts(Socket, [{active, once}]), echo(Socket) end end),
            ok = gen_tcp:controlling_process(Socket, Pid),
            Pid ! go,
            serve(Listener);
        {error, closed} -> ok
    end.

echo(Socket) ->
    receive
        {tcp, Socket, Data} ->
            ok = gen_tcp:send(Socket, Data),
            ok = inet:setopts(Socket, [{active, once}]),
            echo(Socket);
        {tcp_closed, Socket} -> ok
    end.

exchange(Port, N) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {packet, 4}, {active, false}]),
    Sizes = [N, 1000 * N, 0, 20000],
    Results = [begin
        Bytes = binary:copy(<<N>>, Size),
        ok = gen_tcp:send(Socket, Bytes),
        {ok, Back} = gen_tcp:recv(Socket, 0, 20000),
        {byte_size(Back), Back =:= Bytes}
    end || Size <- Sizes],
    ok = gen_tcp:close(Socket),
    Results.

datagrams() ->
    {ok, One} = gen_udp:open(0, [binary, {ip, {127, 0, 0, 1}}, {active, false}]),
    {ok, Two} = gen_udp:open(0, [binary, {ip, {127, 0, 0, 1}}, {active, true}]),
    {ok, Port} = inet:port(Two),
    [begin
        ok = gen_udp:send(One, {127, 0, 0, 1}, Port, binary:copy(<<1>>, Size)),
        receive {udp, Two, _, _, Data} -> io:format("datagram ~p~n", [byte_size(Data)]) end
    end || Size <- [0, 10, 5000]],
    io:format("late ~p~n", [gen_udp:recv(One, 0, 30)]).

programs() ->
    io:format("cmd ~p~n", [os:cmd("seq 1 3; echo err >&2")]),
    Cat = open_port({spawn_executable, "/bin/cat"}, [binary, use_stdio, exit_status]),
    Large = binary:copy(<<"0123456789abcdefg">>, 30000),
    true = port_command(Cat, Large),
    io:format("cat ~p~n", [gather(Cat, byte_size(Large), <<>>) =:= Large]),
    true = port_close(Cat),
    Fails = open_port({spawn, "sh -c 'exit 9'"}, [exit_status]),
    receive {Fails, {exit_status, Code}} -> io:format("status ~p~n", [Code]) end,
    {'EXIT', {Reason, _}} = (catch open_port({spawn_executable, "/no/such"}, [])),
    io:format("missing ~p~n", [Reason]).

gather(_, 0, Bytes) -> Bytes;
gather(Port, Left, Bytes) ->
    receive {Port, {data, Data}} -> gather(Port, Left - byte_size(Data), <<Bytes/binary, Data/binary>>) end.

files() ->
    Name = string:trim(os:cmd("mktemp")),
    {ok, File} = file:open(Name, [write, read, raw, binary]),
    [ok = file:write(File, io_lib:format("line ~p~n", [N])) || N <- lists:seq(1, 1000)],
    io:format("file ~p ~p~n", [file:pread(File, 10, 9), file:position(File, eof)]),
    ok = file:close(File),
    io:format("gone ~p ~p~n", [file:delete(Name), file:read_file(Name)]),
    io:format("stdin ~p~n", [erlang:crc32(input(<<>>))]).

input(Bytes) ->
    case file:read(standard_io, 4096) of
        {ok, Data} -> input(<<Bytes/binary, (list_to_binary(Data))/binary>>);
        eof -> Bytes
    end.
