/**
 * The commands of Redis 7 and Valkey 8 (https://redis.io/docs/latest/commands): which arguments may
 * be told, which types an answer can have, and which commands change what follows. Invariant: what
 * is not in the table shows nothing but its name.
 */
import type { Command, CommandKind } from "./types.ts";

const INTEGER = ":";
const STATUS = "+";
const BULK = "$=,";
const LIST = "*~%";
const ANY = "";

/** Letters before "|" are for one argument each; those behind it repeat. */
const groups: readonly (readonly [shows: string, replies: string, min: number, names: string])[] = [
  ["k|", INTEGER, 2, "INCR DECR TTL PTTL STRLEN LLEN SCARD ZCARD HLEN XLEN PERSIST"],
  ["k|", INTEGER, 2, "EXPIRETIME PEXPIRETIME"],
  ["k|", BULK, 2, "GET GETDEL DUMP"],
  ["k|", STATUS, 2, "TYPE"],
  ["k|", LIST, 2, "HGETALL HKEYS HVALS SMEMBERS"],
  ["k|o", ANY, 2, "GETEX SORT SORT_RO LPOP RPOP SPOP SRANDMEMBER HRANDFIELD ZRANDMEMBER"],
  ["k|o", ANY, 2, "ZPOPMIN ZPOPMAX RESTORE-ASKING XREVRANGE XPENDING XAUTOCLAIM XCLAIM XSETID"],
  ["|k", INTEGER, 2, "DEL EXISTS UNLINK TOUCH PFCOUNT SDIFFSTORE SINTERSTORE SUNIONSTORE"],
  ["|k", STATUS, 2, "WATCH PFMERGE RENAME"],
  ["|k", INTEGER, 3, "RENAMENX"],
  ["|k", LIST, 2, "MGET SDIFF SINTER SUNION"],
  ["kk|o", ANY, 3, "RPOPLPUSH LMOVE BLMOVE BRPOPLPUSH COPY GEOSEARCHSTORE ZRANGESTORE"],
  ["|k", ANY, 3, "BLPOP BRPOP BZPOPMIN BZPOPMAX"],
  ["n|o", ANY, 3, "LMPOP ZMPOP SINTERCARD ZINTERCARD ZUNION ZINTER ZDIFF"],
  ["vn|o", ANY, 4, "BLMPOP BZMPOP"],
  ["kn|o", INTEGER, 4, "ZUNIONSTORE ZINTERSTORE ZDIFFSTORE"],
  ["kv|o", "+$", 3, "SET"],
  ["k|v", INTEGER, 3, "SETNX APPEND INCRBY DECRBY EXPIREAT PEXPIREAT LPUSHX RPUSHX SISMEMBER"],
  ["k|v", INTEGER, 3, "LPUSH RPUSH SADD SREM ZREM SETRANGE SETBIT GETBIT LREM ZCOUNT ZLEXCOUNT"],
  ["k|v", INTEGER, 3, "EXPIRE PEXPIRE XDEL XACK XTRIM ZREMRANGEBYSCORE ZREMRANGEBYRANK"],
  ["k|v", INTEGER, 3, "ZREMRANGEBYLEX"],
  ["k|v", INTEGER, 2, "PFADD BITCOUNT BITPOS"],
  ["k|v", STATUS, 3, "SETEX PSETEX LTRIM LSET"],
  ["k|v", BULK, 3, "GETSET INCRBYFLOAT LINDEX GETRANGE SUBSTR"],
  ["k|v", LIST, 4, "LRANGE"],
  ["k|v", ANY, 3, "ZADD ZINCRBY ZSCORE ZMSCORE ZRANK ZREVRANK SMISMEMBER BITFIELD BITFIELD_RO"],
  ["k|v", ANY, 3, "GEOADD GEOPOS GEODIST GEOHASH XADD RESTORE MOVE LPOS XRANGE ZRANGEBYLEX"],
  ["k|v", ANY, 3, "ZREVRANGEBYLEX"],
  ["k|o", ANY, 3, "ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE GEORADIUS GEORADIUS_RO"],
  ["k|o", ANY, 3, "GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO GEOSEARCH LCS"],
  ["kkv", INTEGER, 4, "SMOVE"],
  ["kovv", INTEGER, 5, "LINSERT"],
  ["k|k", INTEGER, 3, "HDEL HEXISTS HSTRLEN"],
  ["k|k", BULK, 3, "HGET"],
  ["k|k", LIST, 3, "HMGET"],
  ["k|kv", INTEGER, 4, "HSET"],
  ["k|kv", STATUS, 4, "HMSET"],
  ["kkv", INTEGER, 4, "HSETNX HINCRBY"],
  ["kkv", BULK, 4, "HINCRBYFLOAT"],
  ["k|o", ANY, 2, "HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HTTL HPTTL HPERSIST HGETDEL HGETEX"],
  ["k|o", ANY, 2, "HEXPIRETIME HPEXPIRETIME HSETEX"],
  ["|kv", STATUS, 3, "MSET"],
  ["|kv", INTEGER, 3, "MSETNX"],
  ["o|k", INTEGER, 4, "BITOP"],
  ["v|o", LIST, 2, "SCAN"],
  ["kv|o", LIST, 3, "SSCAN HSCAN ZSCAN"],
  ["|v", LIST, 2, "KEYS"],
  ["|o", ANY, 4, "XREAD XREADGROUP"],
  ["k|v", INTEGER, 3, "PUBLISH SPUBLISH"],
  ["w|k", ANY, 1, "OBJECT MEMORY XINFO XGROUP PUBSUB COMMAND"],
  ["w|kv", ANY, 1, "CONFIG PFDEBUG"],
  ["w|v", ANY, 1, "ACL CLUSTER FUNCTION LATENCY MODULE SCRIPT SLOWLOG DEBUG COMMANDLOG"],
  ["|v", ANY, 1, "PING HELLO INFO LOLWUT WAIT WAITAOF MIGRATE REPLICAOF SLAVEOF FAILOVER"],
  ["|v", STATUS, 2, "AUTH"],
  ["|v", BULK, 2, "ECHO"],
  ["|o", STATUS, 1, "FLUSHALL FLUSHDB"],
  ["|v", STATUS, 1, "UNWATCH READONLY READWRITE ASKING SAVE SWAPDB"],
  ["|v", INTEGER, 1, "DBSIZE LASTSAVE"],
  ["|v", ANY, 1, "TIME ROLE RANDOMKEY BGSAVE BGREWRITEAOF"],
];

const special: readonly (readonly [CommandKind, shows: string, replies: string, names: string])[] =
  [
    ["select", "|v", STATUS, "SELECT"],
    ["client", "w|o", ANY, "CLIENT"],
    ["multi", "|v", STATUS, "MULTI"],
    ["exec", "|v", LIST, "EXEC"],
    ["discard", "|v", STATUS, "DISCARD"],
    ["reset", "|v", STATUS, "RESET"],
    ["monitor", "|v", STATUS, "MONITOR"],
    ["subscribe", "|k", "*>", "SUBSCRIBE PSUBSCRIBE SSUBSCRIBE"],
    ["unsubscribe", "|k", "*>", "UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE"],
    ["procedure", "pn|v", ANY, "EVALSHA EVALSHA_RO FCALL FCALL_RO"],
    ["plain", "vn|v", ANY, "EVAL EVAL_RO"],
    ["sync", "|v", ANY, "SYNC"],
    ["psync", "|v", STATUS, "PSYNC"],
    ["replconf", "o|v", ANY, "REPLCONF"],
    ["shutdown", "|o", ANY, "SHUTDOWN"],
    ["quit", "|v", STATUS, "QUIT"],
    ["sentinel", "w|v", ANY, "SENTINEL"],
  ];

/** What is not in the table: a module's command, or a newer one. */
export const unknownCommand: Command = {
  kind: "plain",
  known: false,
  shows: "v",
  repeatFrom: 0,
  replies: ANY,
  argumentsMin: 1,
};

const table = new Map<string, Command>();

function add(names: string, command: Omit<Command, "known" | "repeatFrom">): void {
  const bar = command.shows.indexOf("|");
  const repeatFrom = bar < 0 ? command.shows.length : bar;
  const shows = command.shows.replace("|", "");
  for (const name of names.split(" ")) {
    const entry = { ...command, known: true, shows, repeatFrom };
    table.set(name, entry);
    table.set(name.toLowerCase(), entry);
  }
}

for (const [shows, replies, argumentsMin, names] of groups) {
  add(names, { kind: "plain", shows, replies, argumentsMin });
}
for (const [kind, shows, replies, names] of special) {
  add(names, { kind, shows, replies, argumentsMin: 1 });
}

/** The command of this name, in any case of letters. */
export function commandOf(name: string): Command {
  return table.get(name) ?? table.get(name.toUpperCase()) ?? unknownCommand;
}

/** Words that say how a command works; whatever else stands in their place is hidden. */
export const optionWords: ReadonlySet<string> = new Set(
  (
    "EX PX EXAT PXAT NX XX GT LT CH INCR GET KEEPTTL PERSIST WITHSCORES WITHSCORE WITHVALUES " +
    "LIMIT COUNT MATCH TYPE BLOCK STREAMS GROUP NOACK MKSTREAM MAXLEN MINID NOMKSTREAM JUSTID " +
    "IDLE TIME RETRYCOUNT FORCE WEIGHTS AGGREGATE SUM MIN MAX BYSCORE BYLEX REV ASC DESC ALPHA " +
    "STORE STOREDIST BY BYBOX BYRADIUS FROMLONLAT FROMMEMBER WITHCOORD WITHDIST WITHHASH ANY " +
    "LEFT RIGHT BEFORE AFTER RANK REPLACE ABSTTL ASYNC SYNC ON OFF SKIP REDIRECT BCAST PREFIX " +
    "OPTIN OPTOUT NOLOOP AND OR XOR NOT M KM FT MI NOVALUES FIELDS FNX FXX LEN IDX MINMATCHLEN " +
    "WITHMATCHLEN DB SAVE NOSAVE NOW ABORT YES NO LIB-NAME LIB-VER ACK GETACK CAPA LISTENING-PORT"
  ).split(" "),
);

const serverCodes: ReadonlySet<string> = new Set(
  (
    "ERR WRONGTYPE NOAUTH NOPERM WRONGPASS MOVED ASK CLUSTERDOWN CROSSSLOT TRYAGAIN LOADING BUSY " +
    "NOSCRIPT READONLY OOM MISCONF MASTERDOWN NOREPLICAS EXECABORT BUSYGROUP BUSYKEY NOGROUP " +
    "INVALIDOBJ UNBLOCKED NOTBUSY UNKILLABLE NOPROTO IOERR INPROG NOGOODSLAVE NOMASTERLINK " +
    "NOQUORUM DENIED DUPLICATE REDIRECT NOTREADY OVERLOADED"
  ).split(" "),
);

/** First words of errors that the server or a proxy may give to any command. */
export function isServerCode(code: string): boolean {
  return serverCodes.has(code);
}
