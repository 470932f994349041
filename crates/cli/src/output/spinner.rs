//! A sign of life on stderr while something is waited for (`cli-core.md` §1.7).

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::color::{self, Color};

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const INTERVAL: Duration = Duration::from_millis(100);

/// No labels off a terminal: a program reads stderr.
static SILENT: AtomicBool = AtomicBool::new(false);
/// A frame is on the current line of the terminal.
static ANIMATED: AtomicBool = AtomicBool::new(false);

/// From now on a program reads what we write.
pub(crate) fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

/// Whether a program reads what we write.
pub(crate) fn is_silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

/// Says once what is being done, where nothing can move.
pub(crate) fn announce(label: &str) {
    if !is_silent() {
        super::message::plain(label);
    }
}

/// What to write before a message, so that it does not run into a frame.
pub(crate) fn line_break() -> &'static str {
    if ANIMATED.load(Ordering::Relaxed) {
        "\n"
    } else {
        ""
    }
}

/// Runs until it is dropped. Off a terminal the label is printed once.
#[derive(Debug)]
pub(crate) struct Spinner {
    running: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Spinner {
    pub(crate) fn start(label: &str) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        if !std::io::stderr().is_terminal() {
            announce(label);
            return Self {
                running,
                thread: None,
            };
        }
        let label = super::sanitize::cell(label);
        let spinning = running.clone();
        let thread = std::thread::Builder::new()
            .name("spinner".to_owned())
            .spawn(move || {
                let mut step = 0;
                ANIMATED.store(true, Ordering::Relaxed);
                while spinning.load(Ordering::Relaxed) {
                    super::stderr(&format!("\r\x1b[K{}", frame(&label, step)));
                    step += 1;
                    std::thread::park_timeout(INTERVAL);
                }
                ANIMATED.store(false, Ordering::Relaxed);
                super::stderr("\r\x1b[K");
            })
            .ok();
        Self { running, thread }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in the thread only costs the animation.
            let _ended = thread.join();
        }
    }
}

fn frame(label: &str, step: usize) -> String {
    let sign = FRAMES.get(step % FRAMES.len()).copied().unwrap_or_default();
    let sign = color::paint(sign, Color::Yellow);
    match label.strip_suffix("...") {
        Some(label) => format!("{sign} {label}{}", ".".repeat(1 + step / 3 % 3)),
        None => format!("{sign} {label}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_dots_move() {
        assert!(frame("Waiting...", 0).ends_with("Waiting."));
        assert!(frame("Waiting...", 3).ends_with("Waiting.."));
        assert!(frame("Waiting...", 6).ends_with("Waiting..."));
        assert!(frame("Waiting", 6).ends_with("Waiting"));
    }
}
