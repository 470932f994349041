//! Services that tunnels lead to.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A service on a free port of the loopback address. Its threads end with the test.
pub(super) struct Service {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
}

impl Service {
    fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let serve = Arc::new(serve);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::Relaxed);
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { port, connections }
    }

    /// Sends back what it gets, as it comes.
    pub(super) fn echo() -> Self {
        Self::start(|mut stream| {
            let mut reader = stream.try_clone().unwrap();
            let _gone = std::io::copy(&mut reader, &mut stream);
        })
    }

    /// Reads to the end of input, then answers with the number of bytes.
    pub(super) fn count() -> Self {
        Self::start(|mut stream| {
            let mut bytes = Vec::new();
            if stream.read_to_end(&mut bytes).is_ok() {
                let _gone = write!(stream, "{} bytes", bytes.len());
            }
        })
    }

    /// Sends for ever.
    pub(super) fn endless() -> Self {
        Self::start(|mut stream| while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {})
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// A port that nobody listens on.
pub(super) fn unused_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Sends `data` and reads as many bytes back.
#[track_caller]
pub(super) fn exchange(stream: &mut TcpStream, data: &[u8]) {
    let mut writer = stream.try_clone().unwrap();
    let sent = data.to_vec();
    let thread = std::thread::spawn(move || writer.write_all(&sent));
    let mut back = vec![0; data.len()];
    stream.read_exact(&mut back).unwrap();
    assert!(back == data, "other bytes came back");
    thread.join().unwrap().unwrap();
}
