//! The services that tunnels lead to while they are measured, and their clients.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::times::Times;

/// Longest wait for any byte.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes written and read at once.
const BLOCK: usize = 256 * 1024;

/// Serves each connection in a thread of its own until the process ends.
fn serve(handle: impl Fn(TcpStream) -> std::io::Result<()> + Copy + Send + 'static) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever measures sees an error as a wrong answer.
            thread::spawn(move || handle(stream));
        }
    });
    Ok(port)
}

/// Takes a number, then sends or takes as many bytes: positive to be sent.
pub(crate) fn bulk() -> Result<u16> {
    serve(|mut stream| {
        let mut number = [0; 8];
        stream.read_exact(&mut number)?;
        let wanted = i64::from_le_bytes(number);
        let mut rest = wanted.unsigned_abs();
        let mut block = vec![0; BLOCK];
        while rest > 0 {
            let length = usize::try_from(rest).unwrap_or(BLOCK).min(BLOCK);
            let part = block.get_mut(..length).unwrap_or_default();
            if wanted > 0 {
                stream.write_all(part)?;
            } else {
                stream.read_exact(part)?;
            }
            rest -= length as u64;
        }
        // The end of an upload is seen at this end.
        stream.write_all(b"!")
    })
}

/// Answers each HTTP request with a few hundred bytes.
pub(crate) fn http() -> Result<u16> {
    serve(|stream| {
        stream.set_nodelay(true)?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        let body = "x".repeat(300);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            if line == "\r\n" {
                writer.write_all(answer.as_bytes())?;
            }
            line.clear();
        }
        Ok(())
    })
}

/// Connects to a port of this machine.
pub(crate) fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    // While nobody listens yet, a socket may be given the very port it connects to.
    ensure!(
        stream.local_addr()? != stream.peer_addr()?,
        "nobody listens"
    );
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Moves `bytes` (negative: to the service) and gives MB/s.
pub(crate) fn throughput(port: u16, bytes: i64) -> Result<f64> {
    let mut stream = connect(port)?;
    let started = Instant::now();
    stream.write_all(&bytes.to_le_bytes())?;
    let mut rest = bytes.unsigned_abs();
    let mut block = vec![0; BLOCK];
    while rest > 0 {
        let length = usize::try_from(rest).unwrap_or(BLOCK).min(BLOCK);
        let part = block.get_mut(..length).unwrap_or_default();
        let moved = if bytes > 0 {
            stream.read(part)?
        } else {
            stream.write_all(part)?;
            length
        };
        ensure!(moved > 0, "the transfer ended early");
        rest -= moved as u64;
    }
    stream.read_exact(&mut [0; 1]).context("no end was seen")?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = bytes.unsigned_abs() as f64 / 1e6;
    Ok(megabytes / started.elapsed().as_secs_f64())
}

/// Sends `count` requests over one connection and times each.
pub(crate) fn requests(port: u16, count: usize) -> Result<Times> {
    let mut stream = connect(port)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut times = Times::default();
    for _ in 0..count {
        let started = Instant::now();
        request(&mut stream, &mut reader)?;
        times.add(started.elapsed());
    }
    Ok(times)
}

fn request(stream: &mut TcpStream, reader: &mut BufReader<TcpStream>) -> Result<()> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n\r\n")?;
    let (mut line, mut length) = (String::new(), 0);
    ensure!(reader.read_line(&mut line)? > 0, "the service left");
    ensure!(line == "HTTP/1.1 200 OK\r\n", "another answer");
    loop {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "the service left");
        if let Some(text) = line.strip_prefix("Content-Length: ") {
            length = text.trim().parse()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    ensure!(body.iter().all(|byte| *byte == b'x'), "another answer");
    Ok(())
}
