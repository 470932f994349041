//! How far a transfer is, on stderr: a bar with rate and time left on a terminal, the
//! label alone elsewhere (`cli-core.md` §1.7).

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use client::transfers::Meter;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{color, sanitize, spinner};

const INTERVAL: Duration = Duration::from_millis(100);
/// Shorter transfers end before anybody could read a bar.
const DELAY: Duration = Duration::from_millis(200);
/// Columns of the label.
const LABEL: usize = 32;
const KNOWN: &str = "{msg} {percent:>3}% [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const UNKNOWN: &str = "{msg} {spinner} {bytes} {bytes_per_sec} {elapsed}";

/// Shows a meter until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    running: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn show(label: &str, meter: Arc<Meter>) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        if !std::io::stderr().is_terminal() || spinner::is_silent() {
            spinner::announce(label);
            return Self {
                running,
                thread: None,
            };
        }
        let label = shortened(&sanitize::cell(label.trim_end_matches('.')));
        let drawing = running.clone();
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || draw(&label, &meter, &drawing))
            .ok();
        Self { running, thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in the thread only costs the bar.
            let _ended = thread.join();
        }
    }
}

fn draw(label: &str, meter: &Meter, running: &AtomicBool) {
    std::thread::park_timeout(DELAY);
    if !running.load(Ordering::Relaxed) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_message(label.to_owned());
    let mut known = 0;
    bar.set_style(style(UNKNOWN));
    while running.load(Ordering::Relaxed) {
        let (done, total) = (meter.done(), meter.total());
        if total != known {
            known = total;
            bar.set_style(style(KNOWN));
        }
        if known > 0 {
            // It may grow while it is read.
            bar.set_length(known.max(done));
        }
        bar.set_position(done);
        bar.tick();
        std::thread::park_timeout(INTERVAL);
    }
    bar.finish_and_clear();
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    match color::enabled() {
        true => style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "),
        false => style,
    }
}

/// The beginning and, of a long name, its end, where files differ.
fn shortened(label: &str) -> String {
    let count = label.chars().count();
    if count <= LABEL {
        return label.to_owned();
    }
    let half = LABEL / 2;
    let start: String = label.chars().take(half).collect();
    let end: String = label.chars().skip(count - half + 1).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_sound() {
        for template in [KNOWN, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn long_labels_keep_both_ends() {
        assert_eq!(shortened("Uploading x"), "Uploading x");
        let long = shortened(&format!("Uploading {}.log", "é".repeat(200)));
        assert_eq!(long.chars().count(), LABEL);
        assert!(
            long.starts_with("Uploading é") && long.ends_with(".log"),
            "{long}"
        );
    }
}
