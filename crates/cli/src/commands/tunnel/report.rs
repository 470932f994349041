//! What the command says when the tunnel is open, and what went through it at the end.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Notify;

use crate::output::{self, Format, json as writer, message, sanitize};

/// From where to where.
pub(super) struct Place {
    pub(super) local: u16,
    pub(super) server: String,
    pub(super) remote: u16,
}

impl Place {
    fn text(&self) -> String {
        format!(
            "127.0.0.1:{} -> {}:{}",
            self.local,
            sanitize::cell(&self.server),
            self.remote
        )
    }
}

/// What went through.
pub(super) struct Statistics {
    since: Instant,
    connections: Cell<u64>,
    sent: Cell<u64>,
    received: Cell<u64>,
    /// Connections that are open.
    active: Cell<u64>,
    ended: Notify,
}

impl Statistics {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            connections: Cell::new(0),
            sent: Cell::new(0),
            received: Cell::new(0),
            active: Cell::new(0),
            ended: Notify::new(),
        }
    }

    pub(super) fn connected(&self) {
        add(&self.connections, 1);
        add(&self.active, 1);
    }

    pub(super) fn disconnected(&self) {
        self.active.set(self.active.get().saturating_sub(1));
        self.ended.notify_one();
    }

    /// Waits until no connection is open.
    pub(super) async fn idle(&self) {
        while self.active.get() > 0 {
            self.ended.notified().await;
        }
    }

    pub(super) fn sent(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    pub(super) fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    fn line(&self) -> String {
        let connections = self.connections.get();
        format!(
            "{connections} connection{}, {} sent, {} received, in {}",
            if connections == 1 { "" } else { "s" },
            size(self.sent.get()),
            size(self.received.get()),
            duration(self.since.elapsed())
        )
    }
}

fn add(counter: &Cell<u64>, more: u64) {
    counter.set(counter.get().saturating_add(more));
}

/// The lines that scripts wait for, and for programs an object on standard output.
/// With a command, that belongs to the command.
pub(super) fn ready(place: &Place, format: Format, has_command: bool) {
    if has_command {
        message::plain(&format!("[alpacon tunnel] CONNECTED {}", place.text()));
        message::plain("[alpacon tunnel] Ctrl+C stops the command and the tunnel.");
        return;
    }
    if format == Format::Json {
        output::stdout(&writer::line(&json!({
            "event": "ready",
            "local_address": format!("127.0.0.1:{}", place.local),
            "local_port": place.local,
            "server": place.server,
            "remote_port": place.remote,
        })));
    }
    message::info(&format!("Tunnel ready: {}", place.text()));
    message::info("Waiting for connections; Ctrl+C closes the tunnel.");
}

/// What went through it. With a command, that command has standard output.
pub(super) fn closed(place: &Place, statistics: &Statistics, format: Format, owns_stdout: bool) {
    if format == Format::Json && owns_stdout {
        output::stdout(&writer::line(&json!({
            "event": "closed",
            "server": place.server,
            "remote_port": place.remote,
            "connections": statistics.connections.get(),
            "bytes_sent": statistics.sent.get(),
            "bytes_received": statistics.received.get(),
            "seconds": statistics.since.elapsed().as_secs_f64(),
        })));
    }
    message::info(&format!("Tunnel closed: {}", statistics.line()));
}

/// A size for people.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1024, "KiB");
    for larger in UNITS.into_iter().skip(1) {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, larger);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A duration for people.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, _) => format!("{h}h{m}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 * 1024 * 1024, "5.0 MiB"),
            (3 << 30, "3.0 GiB"),
            (u64::MAX, "1677721.5 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [(0, "0s"), (61, "1m1s"), (3725, "1h2m")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
