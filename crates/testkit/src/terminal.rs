//! A program at a terminal, with somebody who types and looks.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::{OrFail, eventually};

/// See the module.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    master: File,
    /// Keeps the terminal's modes to be looked at after the program's end.
    slave: OwnedFd,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    #[track_caller]
    pub(crate) fn start(command: &Command, rows: u16, cols: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).or_fail("open a terminal");
        rustix::pty::grantpt(&master).or_fail("open a terminal");
        rustix::pty::unlockpt(&master).or_fail("open a terminal");
        let name = rustix::pty::ptsname(&master, Vec::new()).or_fail("name the terminal");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty());
        let slave = slave.or_fail("open the terminal's other end");
        let of_child = || Stdio::from(slave.try_clone().or_fail("share the terminal"));
        // It makes the terminal that of the program, as a login would.
        let mut session = Command::new("setsid");
        session
            .args(["--ctty", "--wait"])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .stdin(of_child())
            .stdout(of_child())
            .stderr(of_child());
        let master = File::from(master);
        let terminal = Self {
            child: session.spawn().or_fail("start at a terminal"),
            slave,
            shown: Arc::default(),
            master,
        };
        terminal.resize(rows, cols);
        let mut reader = terminal.master.try_clone().or_fail("share the terminal");
        let shown = terminal.shown.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                let read = chunk.get(..count).unwrap_or_default();
                shown
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(read);
            }
        });
        terminal
    }

    /// Types.
    #[track_caller]
    pub fn types(&mut self, text: &str) {
        self.master
            .write_all(text.as_bytes())
            .or_fail("type at the terminal");
    }

    /// Everything shown so far.
    #[must_use]
    pub fn shown(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits until `text` is shown.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        eventually(&format!("{text:?} is shown"), || {
            self.shown().contains(text).then_some(())
        });
    }

    /// Changes the window's size.
    #[track_caller]
    pub fn resize(&self, rows: u16, cols: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.master, size).or_fail("resize the terminal");
    }

    /// Whether the terminal takes lines and shows what is typed, as at the start.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        tcgetattr(&self.slave).is_ok_and(|modes| {
            let ordinary = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            modes.local_modes.contains(ordinary)
        })
    }

    /// Number of the process that leads the terminal's session.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the program's end: its exit status.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        let child = &mut self.child;
        eventually("the program at the terminal ends", || {
            child.try_wait().or_fail("wait for the program")
        })
        .code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
