//! A way to the control plane that breaks, loses and alters. Clients use it as their
//! proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

/// Where bytes are going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Toward {
    Server,
    Client,
}

/// What happens to bytes: they go on as the rule leaves them, or the connection
/// breaks (false).
type Rule = dyn Fn(Toward, &mut [u8]) -> bool + Send + Sync;

pub(super) struct Way {
    url: String,
    passed: Arc<AtomicU64>,
    struck: Arc<AtomicBool>,
}

impl Way {
    /// Breaks once, when so many bytes went by in both directions. `met`: at the break
    /// both sides wait for each other twice, so that the test can do something in
    /// between.
    pub(super) fn breaking_after(limit: u64, server: &str, met: Option<Arc<Barrier>>) -> Self {
        let passed = Arc::new(AtomicU64::new(0));
        let struck = Arc::new(AtomicBool::new(false));
        let (counted, strikes) = (passed.clone(), struck.clone());
        let rule = move |_, bytes: &mut [u8]| {
            let count = bytes.len() as u64;
            let before = counted.fetch_add(count, Ordering::SeqCst);
            if before > limit || before + count <= limit {
                return true;
            }
            strikes.store(true, Ordering::SeqCst);
            if let Some(met) = &met {
                met.wait();
                met.wait();
            }
            false
        };
        Self::open(server, passed, struck, rule)
    }

    /// Takes the first `PUT` to its end and loses what is said about it.
    pub(super) fn losing_the_answer_to_a_put(server: &str) -> Self {
        let struck = Arc::new(AtomicBool::new(false));
        let (strikes, putting) = (struck.clone(), AtomicBool::new(false));
        let rule = move |toward, bytes: &mut [u8]| match toward {
            Toward::Server => {
                if bytes.starts_with(b"PUT ") {
                    putting.store(true, Ordering::SeqCst);
                }
                true
            }
            // The answer comes when all of it has arrived, and not before.
            Toward::Client if bytes.windows(9).any(|part| part == b"\"sha256\":") => {
                let first = putting.load(Ordering::SeqCst) && !strikes.swap(true, Ordering::SeqCst);
                !first
            }
            Toward::Client => true,
        };
        Self::open(server, Arc::default(), struck, rule)
    }

    /// Alters `needle` wherever it comes along.
    pub(super) fn altering(needle: &'static [u8], server: &str) -> Self {
        let struck = Arc::new(AtomicBool::new(false));
        let strikes = struck.clone();
        let rule = move |_, bytes: &mut [u8]| {
            let found = bytes.windows(needle.len()).position(|part| part == needle);
            if let Some(byte) = found.and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1;
                strikes.store(true, Ordering::SeqCst);
            }
            true
        };
        Self::open(server, Arc::default(), struck, rule)
    }

    fn open(
        server: &str,
        passed: Arc<AtomicU64>,
        struck: Arc<AtomicBool>,
        rule: impl Fn(Toward, &mut [u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let rule: Arc<Rule> = Arc::new(rule);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&server)) else {
                    continue;
                };
                for (from, to, toward) in [
                    (&client, &server, Toward::Server),
                    (&server, &client, Toward::Client),
                ] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let rule = rule.clone();
                    std::thread::spawn(move || pass(from, to, toward, &*rule));
                }
            }
        });
        Self {
            url,
            passed,
            struck,
        }
    }

    /// Where its entrance is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Bytes that went by, of a way that breaks.
    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    /// It has done what it is for.
    pub(super) fn has_struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, toward: Toward, rule: &Rule) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &mut buffer[..count];
        if !rule(toward, bytes) || to.write_all(bytes).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
