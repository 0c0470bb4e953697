// Rust's std: sockets, processes, threads, files. The outcome of each step goes to stdout.
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, IoSlice, Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn failing<T>(name: &str, result: io::Result<T>) {
    match result {
        Ok(_) => println!("{name} works"),
        Err(error) => println!("{name} {:?} {:?}", error.kind(), error.raw_os_error()),
    }
}

fn sockets() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> io::Result<TcpListener> {
        for stream in listener.incoming().take(20) {
            let mut stream = stream?;
            thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
        }
        Ok(listener)
    });
    let clients: Vec<_> = (0..20u8)
        .map(|number| {
            thread::spawn(move || -> io::Result<u64> {
                let mut stream = TcpStream::connect(address)?;
                let bytes = vec![number; 100_000 + usize::from(number)];
                let mut writing = stream.try_clone()?;
                let writer = thread::spawn(move || {
                    writing.write_all(&bytes)?;
                    writing.shutdown(Shutdown::Write)
                });
                let mut back = Vec::new();
                stream.read_to_end(&mut back)?;
                writer.join().unwrap()?;
                Ok(checksum(&back))
            })
        })
        .collect();
    for client in clients {
        println!("echo {:x}", client.join().unwrap()?);
    }
    let listener = server.join().unwrap()?;
    failing("bind", TcpListener::bind(address));
    drop(listener);
    failing("connect", TcpStream::connect(address));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut quiet = TcpStream::connect(listener.local_addr()?)?;
    quiet.set_read_timeout(Some(Duration::from_millis(30)))?;
    failing("timeout", quiet.read(&mut [0; 10]));
    quiet.set_nonblocking(true)?;
    failing("nonblocking", quiet.read(&mut [0; 10]));
    listener.set_nonblocking(true)?;
    let (mut served, _) = listener.accept()?;
    failing("accept", listener.accept());
    println!("vectored {}", served.write_vectored(&[IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")])?);
    quiet.set_nonblocking(false)?;
    let mut peeked = [0; 3];
    quiet.peek(&mut peeked)?;
    let mut all = [0; 7];
    quiet.read_exact(&mut all)?;
    println!("{} {}", String::from_utf8_lossy(&peeked), String::from_utf8_lossy(&all));
    drop(quiet);
    println!("end {}", served.read(&mut all)?);
    served.write_all(b"reset me")?;
    while served.write(b"x").is_ok() {}
    failing("write", served.write(b"x"));
    Ok(())
}

fn datagrams_and_paths(directory: &str) -> io::Result<()> {
    let (one, two) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    for size in [0, 10, 9000] {
        one.send_to(&vec![7; size], two.local_addr()?)?;
        println!("datagram {}", two.recv_from(&mut [0; 5000])?.0);
    }
    one.connect(two.local_addr()?)?;
    drop(two);
    one.send(b"nobody")?;
    failing("nobody", one.recv(&mut [0; 10]));
    let path = format!("{directory}/socket");
    let listener = UnixListener::bind(&path)?;
    let mut client = UnixStream::connect(&path)?;
    let (served, _) = listener.accept()?;
    client.write_all(b"line one\nline two\nrest")?;
    drop(client);
    for line in BufReader::new(served).lines() {
        println!("{}", line?);
    }
    Ok(())
}

fn processes() -> io::Result<()> {
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = cat.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(&vec![b'a'; 1_000_000]));
    println!("cat {}", cat.wait_with_output()?.stdout.len());
    writer.join().unwrap()?;
    let output = Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).env("A", "b").output()?;
    println!("{:?} {:?} {:?}", output.status.code(), String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{}", Command::new("sh").args(["-c", "echo inherited; echo too >&2"]).status()?);
    failing("missing", Command::new("no-such-program").spawn());
    let mut sleeper = Command::new("sleep").arg("30").spawn()?;
    sleeper.kill()?;
    println!("{}", sleeper.wait()?);
    Ok(())
}

fn files(directory: &str) -> io::Result<()> {
    let path = format!("{directory}/file");
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    for line in 0..3000 {
        writeln!(file, "line {line}")?;
    }
    file.seek(SeekFrom::End(-5))?;
    let mut rest = String::new();
    file.read_to_string(&mut rest)?;
    println!("{rest:?} {}", file.metadata()?.len());
    io::copy(&mut File::open(&path)?, &mut File::create(format!("{path}2"))?)?;
    println!("copied {:x}", checksum(&fs::read(format!("{path}2"))?));
    failing("exclusive", OpenOptions::new().write(true).create_new(true).open(&path));
    failing("read only", File::open(&path)?.write(b"x"));
    failing("directory", fs::read(directory));
    Ok(())
}

fn run() -> io::Result<()> {
    let directory = std::env::temp_dir().join(format!("compat-{}", process::id()));
    fs::create_dir(&directory)?;
    let name = directory.to_string_lossy().into_owned();
    sockets()?;
    datagrams_and_paths(&name)?;
    processes()?;
    files(&name)?;
    fs::remove_dir_all(&directory)?;
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    println!("stdin {} {:x}", input.len(), checksum(&input));
    print!("no newline");
    io::stdout().flush()
}

fn main() {
    if let Err(error) = run() {
        println!("unexpected {error}");
    }
    assert_eq!(ErrorKind::NotFound, io::Error::from_raw_os_error(2).kind());
    eprintln!("io.rs ends");
    process::exit(11);
}
